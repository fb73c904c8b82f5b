from collections.abc import AsyncIterator

import ledger as ledgers
import pytest
from ledger import Ledger
from running import Service


@pytest.fixture(scope="session")
async def ledger_template(service: Service) -> AsyncIterator[str]:
    name = await ledgers.prepare(service.database_url)
    yield name
    await ledgers.drop(service.database_url, name)


@pytest.fixture
async def ledger(service: Service, ledger_template: str) -> AsyncIterator[Ledger]:
    """An empty journal of its own; nobody relays it but the test."""
    async with ledgers.opened(service.database_url, ledger_template) as opened:
        yield opened
