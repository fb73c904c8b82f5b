"""O-8: PostgreSQL dies while all its connections are busy and many wait for one."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from processes import once
from sqlalchemy import text
from system.faults.deployment import kill

from accord.database.database import Database
from accord.database.statement import Statement
from accord.embedded import EmbeddedServer, postgres
from accord.problems import ServiceUnavailable

pytestmark = once
SLEEP = Statement(text("SELECT pg_sleep(60)"))
CONNECTIONS = 2
WAITING = 200


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """A PostgreSQL of its own that nobody brings back."""
    # Not below pytest's own folder: a second run by root closes that to PostgreSQL's account while it is in use.
    with tempfile.TemporaryDirectory(prefix="accord-tests-") as folder:
        server = postgres.start(Path(folder))
        yield server
        server.stop()


@pytest.fixture
async def database(server: EmbeddedServer) -> AsyncIterator[Database]:
    """A pool whose callers would wait for a connection longer than the test runs."""
    database = Database(server.url, CONNECTIONS, acquire_timeout=60.0)
    await database.open()
    yield database
    await database.close()


async def test_holders_and_waiters_fail_at_once(server, database):
    requests = [asyncio.create_task(database.one(SLEEP)) for _ in range(CONNECTIONS + WAITING)]
    while database.statistics()["waiting"] < WAITING:
        await asyncio.sleep(0)

    await asyncio.to_thread(kill, server)

    # Were each to find out for itself, the last would do so after a minute.
    async with asyncio.timeout(10):
        responses = await asyncio.gather(*requests, return_exceptions=True)
    assert {type(response) for response in responses} == {ServiceUnavailable}
    assert ServiceUnavailable.status == 503
    with pytest.raises(ServiceUnavailable):
        await database.acquire()
