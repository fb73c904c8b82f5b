import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import ledger as ledgers
import pytest
from ledger import Ledger
from running import Service

from accord.embedded import nats


@pytest.fixture(scope="session")
async def ledger_template(service: Service) -> AsyncIterator[str]:
    name = await ledgers.prepare(service.database_url)
    yield name
    await ledgers.drop(service.database_url, name)


@pytest.fixture
async def ledger(service: Service, ledger_template: str) -> AsyncIterator[Ledger]:
    """An empty journal of its own; nobody sequences it but the test."""
    async with ledgers.opened(service.database_url, ledger_template) as opened:
        yield opened


@pytest.fixture
def workers(ledger: Ledger) -> Iterator[Service]:
    """Processes of a service of their own, on this journal."""
    with tempfile.TemporaryDirectory(prefix="accord-tests-") as folder:
        server = nats.start(Path(folder) / "data")
        service = Service(Path(folder), "nats", DATABASE_URL=ledger.url, NATS_URL=server.url)
        try:
            yield service
        finally:
            service.stop()
            server.stop()
