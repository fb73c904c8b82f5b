import re
import secrets
from contextlib import closing

import psycopg
import pytest
from operations.processes import once

pytestmark = once
ENVELOPE_KEY = secrets.token_hex(32)


def test_it_says_that_all_is_well(service):
    done = service.command("doctor")

    subjects = re.findall(r"^✓ (\w+):", done.stdout, re.MULTILINE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {"settings", "keys", "database", "migrations", "clock", "messaging"} <= set(subjects)


def test_it_says_what_to_change(service):
    done = service.command("doctor", HOST="0.0.0.0", TRUSTED_PROXIES="")  # noqa: S104 - it is looked at, not used

    assert done.returncode == 1
    assert "! proxy: listens on 0.0.0.0. Behind a reverse proxy, list it in TRUSTED_PROXIES" in done.stdout


def test_a_database_that_is_away_is_told_in_words(service):
    done = service.command("doctor", DATABASE_URL="postgresql://accord:hidden-word@127.0.0.1:1/accord")

    assert done.returncode == 1
    assert "PostgreSQL cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden-word" not in done.stdout + done.stderr


def test_it_prints_no_secret(service):
    given = {"FLOW_ENVELOPE_KEY": ENVELOPE_KEY, "METRICS_TOKEN": ENVELOPE_KEY[::-1], "LOG_LEVEL": "debug"}

    done = service.command("doctor", **given)

    assert done.returncode == 0, done.stderr
    assert not [name for name in ("FLOW_ENVELOPE_KEY", "METRICS_TOKEN") if given[name] in done.stdout + done.stderr]


@pytest.mark.parametrize("name", ["OTEL_TRACES_EXPORTER", "PORT"])
def test_what_cannot_be_used_is_told_like_at_a_start(service, name):
    done = service.command("doctor", **{name: "nonsense"})

    assert done.returncode in {1, 2}
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_seeding_creates_root_once_and_takes_no_weak_password(service):
    email = f"seeded-{secrets.token_hex(4)}@example.com"

    weak = service.command("db", "seed", "--email", email, ROOT_PASSWORD="password")
    first = service.command("db", "seed", "--email", email, ROOT_PASSWORD="words of a second root 2")
    again = service.command("db", "seed", "--email", email, ROOT_PASSWORD="words of a second root 2")

    assert weak.returncode == 1
    assert "most common passwords" in weak.stderr
    assert (first.returncode, first.stdout.strip()) == (0, f"{email} is root now."), first.stderr
    assert "has an account already" in again.stdout + again.stderr
    with closing(psycopg.connect(service.database_url)) as connection:
        roles = connection.execute("SELECT role FROM users WHERE email = %s", [email]).fetchall()
        # The other tests count on one root account.
        connection.execute("UPDATE users SET role = 'customer' WHERE email = %s", [email])
        connection.commit()
    assert roles == [("root",)]
