"""O-9: `accord db upgrade` and `accord db check`, also when several start at once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from processes import once, wait_until
from running import Program, Service

from accord.database.migrations import runner

pytestmark = once
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def on(empty, tmp_path) -> Service:
    """Runs commands on the empty database."""
    return Service(tmp_path, DATABASE_URL=empty, NATS_URL="nats://127.0.0.1:9")


@contextmanager
def advisory_lock(url: str) -> Iterator[psycopg.Connection]:
    """Be the process that migrates."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (runner.ADVISORY_LOCK,))
        yield connection


def waiting(connection: psycopg.Connection) -> int:
    """Return how many wait for an advisory lock in this database: there are others on its server."""
    statement = (
        "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
        " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
    )
    return connection.execute(statement).fetchone()[0]


def outcome(program: Program) -> tuple[int, str]:
    return program.process.wait(60), program.output()


def test_upgrades_that_start_together_do_not_race(on, empty):
    with advisory_lock(empty) as mine:
        both = [on.run(f"upgrade-{number}", "db", "upgrade") for number in (1, 2)]
        wait_until(lambda: waiting(mine) == 2, 60)
        assert mine.execute("SELECT to_regclass('accord.users')").fetchone() == (None,)

    outcomes = sorted(map(outcome, both), key=lambda one: one[1])

    assert outcomes == [
        (0, f"The database is at {runner.head()}.\n"),
        (0, f"The database was brought to {runner.head()}.\n"),
    ]
    assert runner.differences(empty) == []


def test_an_upgrade_at_the_head_neither_waits_nor_imports_alembic(empty):
    runner.upgrade(empty)
    program = (
        "import sys; from accord.database.migrations import runner; "
        "print(runner.upgrade(sys.argv[1]), {'alembic', 'sqlalchemy'} & set(sys.modules))"
    )

    with advisory_lock(empty):
        done = subprocess.run(
            [sys.executable, "-c", program, empty], capture_output=True, text=True, check=True, timeout=60
        )

    assert done.stdout == "False set()\n"


def test_a_migrating_process_that_is_killed_leaves_no_lock(on, empty):
    with advisory_lock(empty) as mine:
        program = on.run("upgrade", "db", "upgrade")
        wait_until(lambda: waiting(mine) == 1, 60)
        program.process.kill()
        program.process.wait()

    assert on.command("db", "upgrade").returncode == 0


def test_check_tells_an_empty_database_from_one_at_the_head_and_from_one_that_was_altered(on, empty):
    nothing = on.command("db", "check")
    runner.upgrade(empty)
    good = on.command("db", "check")
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("ALTER TABLE accord.users ADD COLUMN nickname text")
    altered = on.command("db", "check")

    assert (nothing.returncode, nothing.stdout) == (
        1,
        f"The database is at no revision; run `accord db upgrade` to reach {runner.head()}.\n",
    )
    assert (good.returncode, good.stdout) == (0, f"The database is at {runner.head()}.\n")
    assert altered.returncode == 1
    assert "nickname" in altered.stdout


def test_alembic_without_an_address_says_which_command_needs_none():
    environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}

    command = [sys.executable, "-m", "alembic", "current"]
    done = subprocess.run(command, cwd=REPOSITORY, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "Set DATABASE_URL, or run `accord db upgrade`" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_at_a_migration_that_was_taken_away_is_told_in_words(on, empty):
    lost = f"{runner.head()[:4]}_pre_taken_away"
    assert on.command("db", "upgrade").returncode == 0
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("UPDATE accord.alembic_version SET version_num = %s", [lost])

    for arguments in ("db upgrade", "db check", "worker"):
        done = on.command(*arguments.split())
        assert (done.returncode, done.stdout) == (1, ""), arguments
        assert done.stderr.endswith(
            f"accord: The database is at {lost}, a migration that this code does not have. Put its file back into "
            "src/accord/database/migrations/versions/, or begin with an empty database.\n"
        ), arguments
    assert f"✗ migrations: at {lost}, which this code does not have." in on.command("doctor").stdout


def test_the_doctor_tells_of_tables_that_differ_from_the_code(on, empty):
    assert on.command("db", "upgrade").returncode == 0
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("ALTER TABLE accord.users ADD COLUMN nickname text")

    done = on.command("doctor")

    assert done.returncode == 1
    assert "✗ tables: 1 differences from those that this release declares. `accord db check` lists them." in done.stdout


def test_db_check_and_doctor_do_not_wait_for_a_locked_table(on, empty):
    said = "accord: Another transaction has locked a table for longer than 2 s. Try again when it has ended; "
    assert on.command("db", "upgrade").returncode == 0

    with psycopg.connect(empty) as holder, ThreadPoolExecutor() as together:
        holder.execute("LOCK TABLE accord.users, accord.journal")
        check, doctor = (together.submit(on.command, *words) for words in (("db", "check"), ("doctor",)))
        refused = [check.result(), doctor.result()]
        holder.execute("LOCK TABLE accord.alembic_version")
        refused.append(on.command("db", "upgrade"))
        holder.rollback()

    assert [done.returncode for done in refused] == [1, 1, 1]
    assert said in refused[0].stderr
    assert said.removeprefix("accord: ") in refused[1].stdout
    assert said in refused[2].stderr
    assert on.command("db", "check").returncode == 0


@pytest.mark.parametrize("command", [("verify",), ("prune", "--before", "2026-01-01")], ids=" ".join)
def test_the_journal_of_a_database_that_was_never_migrated_is_refused_in_words(on, command):
    status, said = outcome(on.run("journal", "journal", *command))

    assert (status, said) == (
        1,
        f"accord: The database is at no revision: run `accord db upgrade` to reach {runner.head()}.\n",
    )
