import secrets
from contextlib import closing

import psycopg
from operations.processes import once

pytestmark = once


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
