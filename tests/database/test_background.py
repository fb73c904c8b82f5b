"""I-11h: work without a deadline waits for a backend that stands still no longer than its limit."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from accord.database.database import Database
from accord.database.statement import Statement
from accord.problems import ServiceUnavailable

LIMIT = 0.5
PROCESS = Statement(text("SELECT pg_backend_pid() AS id"))


@pytest.fixture
async def database(given) -> AsyncIterator[Database]:
    """A pool of one connection, so that a connection which is not given back is missed."""
    database = Database(given.service.database_url, 1, background_timeout=LIMIT)
    await database.open()
    yield database
    await database.close()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def statement(database: Database) -> None:
    await database.background.one(PROCESS)


async def block_of_psycopg(database: Database) -> None:
    async with database.background.connection() as connection, connection.transaction():
        await connection.execute("SELECT 1")


async def message_of_psycopg(database: Database) -> None:
    async with database.background.connection() as connection:
        await connection.execute(b"SELECT 1; SELECT 2", prepare=False)


@pytest.mark.parametrize("work", [statement, block_of_psycopg, message_of_psycopg])
async def test_a_frozen_backend_costs_background_work_its_limit_and_the_connection(database, work):
    row = await database.one(PROCESS)

    with frozen(row.id):
        started = time.monotonic()
        with pytest.raises(ServiceUnavailable):
            await work(database)
        took = time.monotonic() - started
        other = await database.background.one(PROCESS)

    assert LIMIT <= took < LIMIT + 2
    assert other.id != row.id
    assert database.statistics() == {"size": 1, "available": 1, "waiting": 0}


async def test_a_timeout_of_the_work_itself_stays_a_timeout(database):
    with pytest.raises(TimeoutError):
        async with database.background.connection(), asyncio.timeout(0.05):
            await asyncio.sleep(60)

    assert database.statistics() == {"size": 1, "available": 1, "waiting": 0}
