"""I-11h: work without a deadline waits for a backend that stands still no longer than its limit."""

import asyncio
import itertools
import os
import signal
import socket
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

    # psycopg alone would spend ten seconds more on asking the server to cancel; a busy machine may add some.
    # Without the shutdown of the socket, psycopg would ask the server for five seconds more to cancel.
    assert LIMIT <= took < LIMIT + 5
    assert other.id != row.id
    assert database.statistics() == {"size": 1, "available": 1, "waiting": 0}


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


async def test_a_socket_that_gets_the_number_of_a_closed_one_is_listened_to(database):
    row = await database.one(PROCESS)
    async with database.connection() as connection:
        number = connection.pgconn.socket

    with frozen(row.id):
        work = asyncio.create_task(message_of_psycopg(database))
        while is_open(number):
            await asyncio.sleep(0)
        pairs = [socket.socketpair()]
        while not any(number == end.fileno() for end in pairs[-1]):
            pairs.append(socket.socketpair())
        next_, other = sorted(pairs.pop(), key=lambda end: end.fileno() != number)
        reader, writer = await asyncio.open_connection(sock=next_)
        with pytest.raises(ServiceUnavailable):
            await work

    other.sendall(b"heard\n")
    async with asyncio.timeout(60):
        assert await reader.readline() == b"heard\n"
    writer.close()
    for end in (other, *itertools.chain(*pairs)):
        end.close()


async def test_a_timeout_of_the_work_itself_stays_a_timeout(database):
    with pytest.raises(TimeoutError):
        async with database.background.connection(), asyncio.timeout(0.05):
            await asyncio.sleep(60)

    assert database.statistics() == {"size": 1, "available": 1, "waiting": 0}
