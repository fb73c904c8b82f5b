"""Starts the servers in threads while Python still imports the rest: both take about as long (O-1)."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from accord.embedded import nats, postgres
from accord.embedded.server import EmbeddedServer
from accord.settings import Settings


class Starting(NamedTuple):
    """The servers on their way; None where an address is configured, so that none is started."""

    postgres: Future[EmbeddedServer] | None
    nats: Future[EmbeddedServer] | None


def begin(settings: Settings) -> Starting:
    """Begin to start what is not configured. However the caller ends, what was started stops with the process."""
    threads = ThreadPoolExecutor(2, "embedded")
    starting = Starting(
        threads.submit(postgres.start, settings.data_dir) if settings.database_url is None else None,
        threads.submit(nats.start, settings.data_dir) if settings.nats_url is None else None,
    )
    threads.shutdown(wait=False)
    return starting
