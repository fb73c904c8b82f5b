"""I-11: what waits for a lock of somebody else is refused in time for others, and goes on once it is free."""

import asyncio
import time
from time import monotonic

import psycopg
from ledger import Ledger
from sqlalchemy import text

from accord.database.database import ACQUIRE_TIMEOUT, LOCK_WAIT, STILL_TIMEOUT, Database
from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.problems import ServiceUnavailable

COUNT = Statement(text("SELECT count(*) AS number FROM accord.journal"))
ONE = Statement(text("SELECT 1 AS one"))
BUSY_MACHINE = 10.0
"""Seconds that other processes of the machine may add."""


def test_a_wait_is_longer_than_our_own_locks_and_shorter_than_that_for_a_connection():
    assert STILL_TIMEOUT < LOCK_WAIT < ACQUIRE_TIMEOUT


async def test_a_locked_table_is_503_and_keeps_no_connection_from_others(ledger: Ledger):
    database = Database(ledger.url, 2, lock_wait=0.3)
    await database.open()
    async with await psycopg.AsyncConnection.connect(ledger.url) as operator:
        await operator.execute("LOCK TABLE accord.journal")
        transaction = Transaction(database)
        waiting = [asyncio.create_task(work) for work in (database.one(COUNT), transaction.one(COUNT))]
        others = [asyncio.create_task(database.one(ONE)) for _ in range(5)]

        refused = await asyncio.gather(*waiting, return_exceptions=True)
        await transaction.rollback()

        assert [type(error) for error in refused] == [ServiceUnavailable] * 2
        assert [row.one for row in await asyncio.gather(*others)] == [1] * 5

    assert await database.one(COUNT)
    await database.close()


async def test_requests_behind_an_operators_lock_are_503_and_all_is_well_when_it_ends(given):
    me = await given.an_account(version=1)
    await me.get("/api/v1/conversations")  # From now on the session is known, without a look at `users`.
    async with await psycopg.AsyncConnection.connect(given.service.database_url) as operator:
        await operator.execute("LOCK TABLE accord.users")
        begun = monotonic()

        read, change, other = await asyncio.gather(
            me.get("/api/v1/me"),
            me.patch("/api/v1/me", expectedVersion=1, firstName="Grace"),
            me.get("/api/v1/conversations"),
        )

        took = monotonic() - begun
        assert [response.status_code for response in (read, change, other)] == [503, 503, 200]
        assert all(int(response.headers["retry-after"]) >= 1 for response in (read, change))
        assert LOCK_WAIT * 0.9 < took < LOCK_WAIT + BUSY_MACHINE
        assert (await me.http.get("/readyz")).status_code == 200

    begun = monotonic()
    assert (await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")).status_code == 200
    assert monotonic() - begun < LOCK_WAIT


async def test_a_row_that_is_locked_for_as_long_as_a_frozen_process_may_is_waited_for(given):
    me = await given.an_account(version=1)
    async with await psycopg.AsyncConnection.connect(given.service.database_url) as holder:
        await holder.execute("SELECT FROM accord.users WHERE id = %s FOR UPDATE", [me.id])
        change = asyncio.create_task(me.patch("/api/v1/me", expectedVersion=1, firstName="Grace"))
        await given.lock_waiters(1)
        started = time.monotonic()
        await asyncio.sleep(STILL_TIMEOUT)

    # A machine that stands still for a second makes it wait for too long.
    assert (await change).status_code == 200 or time.monotonic() - started > LOCK_WAIT - 0.2
