"""Starts the embedded servers in threads while Python imports the other modules: both take about as long (O-1)."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from accord.embedded import nats, postgres
from accord.embedded.server import EmbeddedServer
from accord.settings import Settings


class Prestarted(NamedTuple):
    """The servers that are starting; None where an address is configured, so that no server is started."""

    postgres: Future[EmbeddedServer] | None
    nats: Future[EmbeddedServer] | None

    def kill_servers(self) -> None:
        """Stop the servers that have started, for a process that ends at once."""
        for server in self:
            if server is not None and server.done() and server.exception() is None:
                server.result().stop()


def prestart(settings: Settings) -> Prestarted:
    """Start the servers without a configured address; the servers stop with this process, however the process ends."""
    threads = ThreadPoolExecutor(2, "embedded")
    prestarted = Prestarted(
        threads.submit(postgres.start, settings.data_dir) if settings.database_url is None else None,
        threads.submit(nats.start, settings.data_dir) if settings.nats_url is None else None,
    )
    threads.shutdown(wait=False)
    return prestarted
