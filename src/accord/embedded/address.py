"""Where the database is, for commands that need it while nothing else runs."""

from collections.abc import Generator
from contextlib import contextmanager

from accord.embedded import postgres
from accord.settings import Settings


@contextmanager
def database_address(settings: Settings) -> Generator[str]:
    """Return the address of the configured database, or of the embedded one, which runs meanwhile."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    server = postgres.start(settings.data_dir)
    try:
        yield server.url
    finally:
        server.stop()
