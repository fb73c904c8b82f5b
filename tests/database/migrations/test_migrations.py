import secrets
import shutil

import psycopg
import pytest
from processes import once

from accord.boot.migrating import migrate
from accord.database.migrations import runner
from accord.problems import CannotStart

pytestmark = once
REVISIONS = sorted(file.stem for file in runner.VERSIONS.glob("[0-9]*.py"))

COMING_NAME = f"{len(REVISIONS) + 1:04}_pre_coming"
COMING = '''"""A column."""

import sqlalchemy as sa
from alembic import op

revision = "{name}"
down_revision = "{before}"


def upgrade():
    op.add_column("users", sa.Column("nickname", sa.Text()), schema="accord")


def downgrade():
    op.drop_column("users", "nickname", schema="accord")
'''


def left_in(url, schema="accord"):
    """Return the names of all tables and functions of a schema."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT relname FROM pg_class"
            " WHERE relnamespace = to_regnamespace(%(schema)s) AND relkind IN ('r', 'p', 'v')"
            " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = to_regnamespace(%(schema)s)",
            {"schema": schema},
        ).fetchall()


def test_the_command_finds_the_tables_that_the_code_declares(service):
    done = service.command("db", "check")

    assert (done.returncode, done.stdout) == (0, f"The database is at {runner.head()}.\n"), done.stderr


def test_an_undeclared_table_is_reported(empty):
    runner.upgrade(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("ALTER TABLE accord.users DROP COLUMN first_name")

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


def test_migrations_write_nothing_outside_the_schema(empty):
    runner.upgrade(empty)

    assert left_in(empty, "public") == []


def test_migrations_reach_their_schema_for_any_search_path(empty):
    with psycopg.connect(empty) as connection:
        name = connection.info.dbname
        connection.execute(f"CREATE SCHEMA other; ALTER DATABASE {name} SET search_path = other, accord".encode())

    assert runner.upgrade(empty) is True
    assert runner.current(empty) == runner.head()
    assert runner.differences(empty) == []
    assert left_in(empty, "other") == []


def test_a_role_that_may_make_no_schema_migrates_in_one_that_it_owns(empty):
    role = f"migrator_{secrets.token_hex(4)}"
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN; CREATE SCHEMA accord AUTHORIZATION {role}".encode())

    try:
        assert runner.upgrade(psycopg.conninfo.make_conninfo(empty, user=role)) is True
    finally:
        with psycopg.connect(empty, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


@pytest.fixture
def coming(tmp_path, monkeypatch):
    """The release after this one: it has one migration more, which alters a table."""
    shutil.copytree(runner.VERSIONS.parent, tmp_path / "migrations")
    monkeypatch.setattr(runner, "VERSIONS", tmp_path / "migrations" / "versions")
    text = COMING.format(name=COMING_NAME, before=REVISIONS[-1])
    (runner.VERSIONS / f"{COMING_NAME}.py").write_text(text)


@pytest.mark.usefixtures("coming")
def test_a_migration_gives_up_rather_than_block_all_requests(empty, alembic, monkeypatch):
    alembic(empty, "upgrade", REVISIONS[-1])

    with psycopg.connect(empty) as other, monkeypatch.context() as patched:
        patched.setattr(runner, "PAUSE", 0.1)
        other.execute("LOCK TABLE accord.users IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(CannotStart, match=r"waited 1 s for a lock.*undone"):
            runner.upgrade(empty)
    assert runner.current(empty) == REVISIONS[-1]
    assert runner.upgrade(empty) is True


def test_a_start_in_production_leaves_migrating_to_people(empty):
    with pytest.raises(CannotStart, match=rf"no revision: run `accord db upgrade` to reach {runner.head()}"):
        migrate(empty, production=True)
    assert left_in(empty) == []


def test_a_newer_releases_database_is_served(empty):
    runner.upgrade(empty)
    with psycopg.connect(empty) as connection:
        connection.execute("UPDATE accord.alembic_version SET version_num = '9999_post_the_future'")

    migrate(empty, production=True)
    assert runner.upgrade(empty) is False
