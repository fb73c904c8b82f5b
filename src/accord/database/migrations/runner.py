"""Runs migrations once, whichever process starts first (O-9)."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from accord.problems import CannotStart

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

VERSIONS = Path(__file__).parent / "versions"
CONNECT_TIMEOUT = 5
"""Seconds to wait for a server that does not respond."""
LOCK_TIMEOUT = 1
"""Seconds that a migration waits for a lock on a table, as requests queue up behind it, before it lets them pass."""
LOOK_TIMEOUT = 2
"""Seconds that a command that only reads waits for a lock that another transaction holds."""
STILL_TIMEOUT = 60
"""Seconds that a migration may do nothing within its transaction: a frozen process must not hold locks for ever."""
ATTEMPTS = 5
PAUSE = 3.0
"""Seconds in which others work before a migration that could not have its lock is tried again."""
FIND = "Put its file back into src/accord/database/migrations/versions/, or begin with an empty database"
ADVISORY_LOCK = 0x4143434F5244  # "ACCORD" in ASCII
_LOOK = f"SET lock_timeout = '{LOOK_TIMEOUT}s'"


def head() -> str:
    """Return the newest revision; files are named `NNNN_pre_…` or `NNNN_post_…`, so the last name is the newest."""
    return max(file.stem for file in VERSIONS.glob("[0-9]*.py"))


def is_behind(revision: str | None) -> bool:
    """Say whether migrations are missing; a newer release's revision is not behind, as old code passes on it."""
    return revision is None or revision < head()


def is_lost(revision: str | None) -> bool:
    """Say whether the revision's migration was taken away or renamed here, so that no way leads on from it."""
    if revision is None or revision[:4] > head()[:4]:
        return False
    return not (VERSIONS / f"{revision}.py").exists()


def refuse_lost(revision: str | None) -> None:
    """Raise CannotStart when no way leads on from the revision."""
    if is_lost(revision):
        raise CannotStart(f"The database is at {revision}, a migration that this code does not have. {FIND}.")


def refuse_behind(revision: str | None) -> None:
    """Raise CannotStart unless the database has at least the revision of this release."""
    refuse_lost(revision)
    if is_behind(revision):
        raise CannotStart(f"The database is at {revision or 'no revision'}: run `accord db upgrade` to reach {head()}.")


def current(url: str) -> str | None:
    """Return the revision the database is at, or None when it was never migrated. Raises CannotStart."""
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT) as connection:
            _require_direct(connection)
            connection.execute(_LOOK.encode())
            if connection.execute("SELECT to_regclass('accord.alembic_version')").fetchone() == (None,):
                return None
            row = connection.execute("SELECT version_num FROM accord.alembic_version").fetchone()
            return None if row is None else row[0]
    except psycopg.errors.LockNotAvailable as error:
        raise _locked() from error
    except psycopg.Error as error:
        raise _explained(error) from error


def _require_direct(connection: psycopg.Connection) -> None:
    """Refuse a pooler: what is set for a connection, prepared on it or locked by it would reach another client.

    A pooler tells its clients a process id of its own, as it takes their requests to cancel a statement.
    """
    row = connection.execute(b"SELECT pg_backend_pid()").fetchone()
    if row != (connection.info.backend_pid,):
        raise CannotStart(
            "DATABASE_URL leads to a connection pooler such as PgBouncer. Name PostgreSQL itself: "
            "each process has a pool of its own, of DATABASE_POOL_SIZE connections."
        )


def upgrade(url: str) -> bool:
    """Bring the database to the head; False when it was there. Processes that start together wait for one another.

    Raises CannotStart when the server is away, or when a migration cannot be applied.
    """
    found = current(url)
    refuse_lost(found)
    if not is_behind(found):
        return False
    with _connection(url) as connection, _alone(connection):
        if not is_behind(current(url)):
            return False  # The process that had the lock before did it.
        _run_patiently(connection)
    return True


def differences(url: str) -> list[str]:
    """Return how the tables of the database differ from those that this release declares. Raises CannotStart."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - slow to import, and seldom needed
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    from accord.database.migrations.comparison import OPTIONS  # noqa: PLC0415
    from accord.database.schema import load_all_tables  # noqa: PLC0415

    with _connection(url) as connection:
        connection.exec_driver_sql(_LOOK)
        try:
            found = compare_metadata(MigrationContext.configure(connection, opts=OPTIONS), load_all_tables())
        except DBAPIError as error:
            if isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise _locked() from error
            raise
    return [str(difference) for difference in found]


def run(connection: "Connection", command: str, revision: str) -> None:
    """Run Alembic's `upgrade` or `downgrade` on this connection."""
    from alembic import command as alembic  # noqa: PLC0415 - slow to import, and not needed at the head
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(VERSIONS.parent))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    getattr(alembic, command)(config, revision)


def _run_patiently(connection: "Connection") -> None:
    """Migrate to the head; what a lock stopped is undone, and tried again from where it stands."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    for attempt in range(1, ATTEMPTS + 1):
        try:
            run(connection, "upgrade", "head")
        except DBAPIError as error:
            if attempt == ATTEMPTS or not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            connection.rollback()
            time.sleep(PAUSE)
        else:
            return


def connect(url: str) -> psycopg.Connection:
    """Connect for Alembic, which takes the schema that unqualified names are looked up in for its default schema."""
    connection = psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT)
    connection.execute("SET search_path = public")
    connection.commit()
    return connection


@contextmanager
def _connection(url: str) -> Generator["Connection"]:
    """Connect through SQLAlchemy, which Alembic needs; psycopg itself reads the URL, whatever its form."""
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    try:
        engine = create_engine("postgresql+psycopg://", creator=lambda: connect(url), poolclass=NullPool)
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        raise _explained(error.orig or error) from error


@contextmanager
def _alone(connection: "Connection") -> Generator[None]:
    """Hold the lock that only one migrating process has; the server frees it when the process dies."""
    from sqlalchemy import text  # noqa: PLC0415

    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
    connection.commit()
    try:
        yield
    finally:
        if not connection.closed and not connection.invalidated:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
            connection.commit()


def _locked() -> CannotStart:
    return CannotStart(
        f"Another transaction has locked a table for longer than {LOOK_TIMEOUT} s. "
        "Try again when it has ended; pg_locks and pg_stat_activity name it."
    )


def _explained(error: BaseException) -> CannotStart:
    """Say what an operator can do about what PostgreSQL or the way to it said."""
    text = str(error).strip().splitlines()
    reason = text[0] if text else type(error).__name__
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return CannotStart(
            f"A migration waited {LOCK_TIMEOUT} s for a lock, {ATTEMPTS} times, so that no request queues up. "
            "The migration is undone. Try again when fewer long transactions run."
        )
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return CannotStart(f"PostgreSQL cannot be reached: {reason}. Check DATABASE_URL, and that the server runs.")
    return CannotStart(f"PostgreSQL refused: {reason}. Check the rights of the role in DATABASE_URL.")
