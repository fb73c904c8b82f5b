"""The address of the database, for commands that need the database while no process serves."""

from collections.abc import Generator
from contextlib import contextmanager

from accord.embedded import postgres
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
