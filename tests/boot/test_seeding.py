import os
import pty
import secrets
import subprocess
import sys
from contextlib import closing

import psycopg
import pytest
from processes import once
from running import ENVIRONMENT

pytestmark = once


def test_seeding_creates_root_once_and_takes_no_weak_password(service):
    email = f"seeded-{secrets.token_hex(4)}@example.com"

    weak = service.command("db", "seed", "--email", email, ROOT_PASSWORD="password")
    first = service.command("db", "seed", "--email", email, ROOT_PASSWORD="words of a second root 2")
    again = service.command("db", "seed", "--email", email, ROOT_PASSWORD="words of a second root 2")

    assert weak.returncode == 1
    assert "most common passwords" in weak.stderr
    place = (service.folder / "data").resolve()
    assert (first.returncode, first.stdout) == (0, f"{email} is root now.\nThe database is in {place}.\n"), first.stderr
    assert "has an account already" in again.stdout + again.stderr
    with closing(psycopg.connect(service.database_url)) as connection:
        roles = connection.execute("SELECT role FROM accord.users WHERE email = %s", [email]).fetchall()
        # The other tests count on one root account.
        connection.execute("UPDATE accord.users SET role = 'customer' WHERE email = %s", [email])
        connection.commit()
    assert roles == [("root",)]


@pytest.mark.parametrize(
    ("arguments", "password", "reason"),
    [
        (["--email", "root@example.com"], "password", "most common passwords"),
        (["--email", "root@example.com"], "x", "password must have 8 to 128 characters"),
        (["--email", "root@example.com"], "root@example.com", "password"),
        (["--email", "nonsense"], "words of a second root 2", "--email must be a valid email."),
        (["--email", "root@example.com", "--last-name", ""], "words of a second root 2", "--last-name must"),
    ],
)
def test_seeding_is_refused_before_any_server_starts(alone, arguments, password, reason):
    service = alone()

    done = service.command("db", "seed", *arguments, ROOT_PASSWORD=password)

    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert not (service.folder / "data").exists()


def test_seeding_tells_of_a_new_database_and_where_it_is(alone):
    service = alone()

    done = service.command("db", "seed", "--email", "root@example.com", ROOT_PASSWORD="words of a second root 2")

    assert done.returncode == 0, done.stderr
    assert f"The database is new, in {(service.folder / 'data').resolve()}." in done.stdout


@pytest.mark.parametrize("password", [{}, {"ROOT_PASSWORD": ""}])
def test_seeding_has_no_default_password(service, password):
    email = f"nobody-{secrets.token_hex(4)}@example.com"

    done = service.command("db", "seed", "--email", email, **password)

    assert done.returncode == 1
    assert "set ROOT_PASSWORD, or type it at a terminal" in done.stderr
    assert "Traceback" not in done.stderr
    with closing(psycopg.connect(service.database_url)) as connection:
        assert connection.execute("SELECT 1 FROM accord.users WHERE email = %s", [email]).fetchall() == []


def test_at_a_terminal_the_password_is_asked_for_and_not_shown(service):
    email, (terminal, ours) = f"typed-{secrets.token_hex(4)}@example.com", pty.openpty()
    command = [sys.executable, "-m", "accord", "db", "seed", "--email", email]
    environment = {**os.environ, **ENVIRONMENT, **service.environment}
    with subprocess.Popen(
        command, env=environment, stdin=ours, stdout=ours, stderr=ours, start_new_session=True
    ) as process:
        os.close(ours)
        said = b""
        while b"Password of the root account: " not in said:
            said += os.read(terminal, 1000)
        os.write(terminal, b"password\n")
        while b"most common passwords" not in said:
            said += os.read(terminal, 1000)
    os.close(terminal)

    assert process.returncode == 1
    assert said.count(b"password\r\n") == 0
