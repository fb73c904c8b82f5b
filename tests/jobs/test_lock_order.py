"""The lock of an order key: jobs that end, are cancelled and are enqueued make no ring of waiting transactions."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from accord.context import RequestInfo, SignedIn, SignedInContext
from accord.dispatch import run_to_commit
from accord.flows.jobs.cancel_job import cancel_job
from accord.queue.enqueue import ORDER_LOCK

OWNER = uuid.uuid4()


async def waiting(shop, count: int) -> None:
    """Return once so many transactions wait for the lock of an order key."""
    look = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND NOT granted"
    async with asyncio.timeout(20):
        while await shop.sql(look, ORDER_LOCK) != [(count,)]:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def locked(shop) -> AsyncIterator[None]:
    """Hold the lock of the order key `one` within this block."""
    async with await psycopg.AsyncConnection.connect(shop.url) as connection:
        await connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext('one'))", (ORDER_LOCK,))
        yield


async def cancelled(shop, job_id: uuid.UUID) -> None:
    context = SignedInContext(
        shop.resources, "cancelJob", SignedIn.user(str(OWNER), "member", None), RequestInfo("test")
    )
    await run_to_commit(context, cancel_job(context, str(job_id), {"expectedVersion": 1}))


@pytest.fixture
async def finishing(shop):
    """A job of the order key whose flow ends when it is told to, and the one behind it."""
    goes_on = asyncio.Event()

    async def patient(_) -> None:
        await goes_on.wait()

    shop.define("patient", patient)
    job = await shop.enqueue("patient", order_key="one", unique_key="u")
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    following = await shop.enqueue("effect", order_key="one", owner_id=OWNER, run_at=in_an_hour)
    await shop.start()
    async with asyncio.timeout(20):
        while (await shop.job(job)).state != "running":
            await asyncio.sleep(0.02)
    return job, following, goes_on


async def test_a_job_that_ends_while_the_one_behind_it_is_cancelled_ends_once_and_neither_is_refused(shop, finishing):
    job, following, goes_on = finishing
    async with locked(shop):
        goes_on.set()
        await waiting(shop, 1)
        cancelling = asyncio.create_task(cancelled(shop, following))
        await waiting(shop, 2)

    await cancelling
    first, second = await shop.ended(job, following)
    assert [attempt["outcome"] for attempt in first.attempts] == ["ok"]
    assert (first.state, second.state) == ("completed", "cancelled")


async def test_a_job_that_ends_while_it_is_enqueued_again_ends_once_and_neither_is_refused(shop, finishing):
    job, _, goes_on = finishing
    async with locked(shop):
        enqueueing = asyncio.create_task(shop.enqueue("patient", order_key="one", unique_key="u"))
        await waiting(shop, 1)
        goes_on.set()
        await waiting(shop, 2)

    assert await enqueueing == job
    [ended] = await shop.ended(job)
    assert (ended.state, [attempt["outcome"] for attempt in ended.attempts]) == ("completed", ["ok"])
