import psycopg
import pytest
from processes import once

from accord.boot.migrating import migrate
from accord.database.migrations import runner
from accord.problems import CannotStart

pytestmark = once
REVISIONS = sorted(file.stem for file in runner.VERSIONS.glob("[0-9]*.py"))


def left_in(url):
    """Return the names of all tables and functions that are ours."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v')"
            " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        ).fetchall()


def test_the_command_finds_the_tables_that_the_code_declares(service):
    done = service.command("db", "check")

    assert (done.returncode, done.stdout) == (0, f"The database is at {runner.head()}.\n"), done.stderr


def test_an_undeclared_table_is_reported(empty):
    runner.upgrade(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("ALTER TABLE users DROP COLUMN first_name")

    assert "first_name" in " ".join(runner.differences(empty))


def test_every_migration_can_be_undone_and_done_again(empty, alembic):
    runner.upgrade(empty)

    for revision in reversed(REVISIONS):
        assert runner.current(empty) == revision
        alembic(empty, "downgrade", "-1")
    assert left_in(empty) == [("alembic_version",)]
    for revision in REVISIONS:
        alembic(empty, "upgrade", "+1")
        assert runner.current(empty) == revision

    assert runner.differences(empty) == []


def test_at_the_newest_revision_no_process_waits_for_the_lock(empty):
    runner.upgrade(empty)

    with psycopg.connect(empty) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [runner.ADVISORY_LOCK])
        assert runner.upgrade(empty) is False


def test_a_migration_gives_up_rather_than_block_all_requests(empty, alembic, monkeypatch):
    alembic(empty, "upgrade", REVISIONS[0])

    with psycopg.connect(empty) as other, monkeypatch.context() as patched:
        patched.setattr(runner, "PAUSE", 0.1)
        other.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(CannotStart, match=r"waited 1 s for a lock.*undone"):
            runner.upgrade(empty)
    assert runner.current(empty) == REVISIONS[0]
    assert runner.upgrade(empty) is True


def test_a_start_in_production_leaves_migrating_to_people(empty):
    with pytest.raises(CannotStart, match=rf"no revision: run `accord db upgrade` to reach {runner.head()}"):
        migrate(empty, production=True)
    assert left_in(empty) == []


def test_a_newer_releases_database_is_served(empty):
    runner.upgrade(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_post_the_future'")

    migrate(empty, production=True)
    assert runner.upgrade(empty) is False
