"""Connections are few: the longest waiter is next, and no connection is lost however the waiting ends."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import text

from accord.database import pool
from accord.database.connection import Connection
from accord.database.database import ACQUIRE_TIMEOUT, Database
from accord.database.pool import NoConnection, Pool
from accord.database.statement import Statement
from accord.problems import ServiceUnavailable

PROCESS = Statement(text("SELECT pg_backend_pid() AS id"))


@pytest.fixture
async def database(given) -> AsyncIterator[Database]:
    """A pool of two connections."""
    database = Database(given.service.database_url, 2)
    await database.open()
    yield database
    await database.close()


async def both(database: Database) -> list:
    return [await database.acquire(), await database.acquire()]


async def waiting(database: Database, count: int) -> list[asyncio.Task]:
    tasks = [asyncio.create_task(database.acquire()) for _ in range(count)]
    while database.statistics()["waiting"] < count:
        await asyncio.sleep(0)
    return tasks


async def test_a_connection_goes_to_the_longest_waiter(database):
    one, other = await both(database)
    first, second, third = await waiting(database, 3)

    database.release(other)
    database.release(one)

    assert (await first, await second) == (other, one)
    assert not third.done()
    database.release(one)
    assert await third == one


async def test_waiting_for_a_connection_ends_at_the_limit(database, monkeypatch):
    one, other = await both(database)

    with monkeypatch.context() as patched:
        patched.setattr(database._pool, "_timeout", 0.1)
        with pytest.raises(ServiceUnavailable):
            await database.acquire()

    database.release(one)
    database.release(other)
    assert set(await both(database)) == {one, other}


async def test_a_waiter_that_is_cancelled_takes_no_connection(database):
    one, other = await both(database)
    first, second = await waiting(database, 2)

    first.cancel()
    database.release(one)

    assert await second == one
    database.release(one)
    database.release(other)
    assert set(await both(database)) == {one, other}


async def test_a_waiter_cancelled_as_it_gets_a_connection_passes_the_connection_on(database):
    one, _ = await both(database)
    first, second = await waiting(database, 2)

    database.release(one)
    first.cancel()

    assert await second == one
    assert first.cancelled()


async def test_a_waiter_gets_a_new_connection_when_the_old_one_broke(given, database):
    one, other = await both(database)
    (next_,) = await waiting(database, 1)
    assert await given.sql("SELECT pg_terminate_backend(%s, 60000)", one.info.backend_pid) == [(True,)]
    with pytest.raises(psycopg.OperationalError):
        await one.run((PROCESS, {}))

    database.release(one)

    new = await next_
    assert new not in {one, other}
    assert (await new.run((PROCESS, {})))[0].rows[0].id == new.info.backend_pid


async def test_an_open_transaction_is_not_handed_on(database):
    one, _ = await both(database)
    (next_,) = await waiting(database, 1)
    await one.execute("BEGIN")

    database.release(one)

    assert (await next_).info.transaction_status == psycopg.pq.TransactionStatus.IDLE


async def ping(database: Database) -> None:
    await database.ping()


async def leave_a_transaction_open(database: Database) -> None:
    connection = await database.acquire()
    await connection.execute("BEGIN")
    database.release(connection)
    while not database.statistics()["available"]:
        await asyncio.sleep(0.01)


async def send_a_large_value(database: Database) -> None:
    await database.one(Statement(text("SELECT length(:word) AS length")), word="x" * 20_000_000)


@pytest.mark.parametrize("use", [ping, leave_a_transaction_open, send_a_large_value])
async def test_no_caller_gets_an_idle_connection_that_ended(given, database, use):
    row = await database.one(PROCESS)
    await use(database)

    assert await given.sql("SELECT pg_terminate_backend(%s, 60000)", row.id) == [(True,)]
    await asyncio.sleep(0.1)

    assert (await database.one(PROCESS)).id != row.id


@contextmanager
def frozen(connection: Connection) -> Iterator[None]:
    """The backend of the connection stands still."""
    pid = connection.info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_rollback_that_hangs_costs_the_connection_and_not_its_place(database, monkeypatch):
    monkeypatch.setattr(pool, "RESET_TIMEOUT", 0.2)
    one, _ = await both(database)
    (next_,) = await waiting(database, 1)
    await one.execute("BEGIN")

    with frozen(one):
        database.release(one)
        replacement = await asyncio.wait_for(next_, 60)

    assert replacement is not one
    assert (await replacement.execute("SELECT 1")).rowcount == 1


async def test_callers_that_gave_up_are_counted_no_more(database, monkeypatch):
    one, other = await both(database)
    late = await waiting(database, 20)

    for task in late[:10]:
        task.cancel()
    monkeypatch.setattr(database._pool, "_timeout", 0.1)
    refused = [asyncio.create_task(database.acquire()) for _ in range(10)]
    await asyncio.wait(late[:10] + refused)

    assert database.statistics()["waiting"] == 10
    database.release(one)
    database.release(other)
    left = set(late[10:])
    while left:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            database.release(task.result())
    assert database.statistics()["waiting"] == 0


async def test_a_connection_that_opens_while_the_pool_closes_is_closed(given):
    database = Database(given.service.database_url, 2)
    await database.open()
    one = await database.acquire()
    opening = asyncio.create_task(database.acquire())
    await asyncio.sleep(0)

    await database.close()
    database.release(one)

    with pytest.raises(ServiceUnavailable):
        await opening
    assert database.statistics()["available"] == 0


async def test_a_closed_pool_refuses_at_once_and_looks_for_no_server(given):
    database = Database(given.service.database_url, 1)
    await database.open()
    one = await database.acquire()
    (waiter,) = await waiting(database, 1)
    tasks = asyncio.all_tasks() - {waiter, asyncio.current_task()}

    await database.close()
    started = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        await database.acquire()
    with pytest.raises(ServiceUnavailable):
        await waiter

    assert time.monotonic() - started < ACQUIRE_TIMEOUT
    assert asyncio.all_tasks() - tasks == {asyncio.current_task()}
    database.release(one)
    assert database.statistics() == {"size": 0, "available": 0, "waiting": 0}


async def test_a_statement_under_way_as_the_pool_closes_fails(given):
    database = Database(given.service.database_url, 1)
    await database.open()
    statement = asyncio.create_task(database.one(Statement(text("SELECT pg_sleep(60)"))))
    while database.statistics()["available"]:
        await asyncio.sleep(0)

    await database.close()

    with pytest.raises(ServiceUnavailable):
        await asyncio.wait_for(statement, 30)


async def test_a_pool_closes_while_a_rollback_hangs(given):
    database = Database(given.service.database_url, 2)
    await database.open()
    one = await database.acquire()
    await one.execute("BEGIN")

    with frozen(one):
        database.release(one)
        await asyncio.sleep(0)
        started = time.monotonic()
        await database.close()

    # Else it would wait for as long as the server is frozen; a busy machine may add some seconds.
    assert time.monotonic() - started < pool.RESET_TIMEOUT + 10


async def test_a_pool_that_closes_before_a_rollback_begins_closes_the_connection(given):
    of_two = Pool(lambda: Connection.connect(given.service.database_url, autocommit=True), 2, 5, lambda: False)
    early, late = [await of_two.acquire() for _ in "12"]
    for connection in (early, late):
        await connection.execute("BEGIN")

    of_two.release(early)
    await of_two.close()
    of_two.release(late)

    assert (early.closed, late.closed) == (True, True)
    assert of_two.statistics()["size"] == 0


async def test_requests_are_all_served_when_many_arrive_at_once(database):
    rows = await asyncio.gather(*(database.one(PROCESS) for _ in range(200)))

    assert len({row.id for row in rows}) == 2
    assert database.statistics()["waiting"] == 0


async def test_a_server_that_accepts_no_connection_keeps_a_caller_for_no_longer_than_the_limit():
    pool = Pool(asyncio.Event().wait, 2, 0.1, lambda: False)

    for _ in range(3):
        with pytest.raises(NoConnection):
            await asyncio.wait_for(pool.acquire(), 60)
