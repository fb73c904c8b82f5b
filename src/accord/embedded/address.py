"""The address of the database, for commands that need the database while no process serves."""

from collections.abc import Generator
from contextlib import contextmanager

from psycopg import conninfo

from accord.embedded import postgres
from accord.problems import CannotStart
from accord.settings import Settings


@contextmanager
def database_address(settings: Settings) -> Generator[str]:
    """Yield the address of the configured database, or of the embedded one, which runs within this block."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    server = postgres.start(settings.data_dir)
    try:
        yield server.url
    finally:
        server.stop()


def exists(settings: Settings) -> bool:
    """Return whether a database is configured, or the embedded one was created in the data folder."""
    return settings.database_url is not None or postgres.has_cluster(settings.data_dir)


def refuse_missing(settings: Settings) -> None:
    """Raise CannotStart without a database, so that a command in a wrong folder creates none there."""
    if not exists(settings):
        raise CannotStart(
            f"{settings.data_dir.resolve()} has no database. Run this command where the service was started, or name"
            " its data folder with --data-dir or DATA_DIR, or its database with DATABASE_URL."
        )


def place_of_database(settings: Settings) -> str:
    """Return where the database is, without its password."""
    if settings.database_url is None:
        return f"in {settings.data_dir.resolve()}"
    parts = conninfo.conninfo_to_dict(settings.database_url.get_secret_value())
    return f"{parts.get('dbname', 'that of DATABASE_URL')} on {parts.get('host', 'this machine')}"
