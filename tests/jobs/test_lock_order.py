"""The lock of an order key: jobs that end, are cancelled, enqueued and retried make no ring of waiting transactions."""

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
from accord.flows.jobs.retry_job import retry_job
from accord.flows.jobs.retry_jobs import retry_jobs
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


@pytest.fixture
async def dead(shop):
    """A dead job of the order key, with a unique key."""
    job = await shop.enqueue("effect", order_key="one", unique_key="u")
    await shop.sql("UPDATE accord.jobs SET state = 'dead', is_ready = false, ended_at = now() WHERE id = %s", job)
    return job


def operator(shop, operation: str) -> SignedInContext:
    return SignedInContext(shop.resources, operation, SignedIn.user(str(OWNER), "admin", None), RequestInfo("test"))


async def all_retried(shop) -> int:
    context = operator(shop, "retryJobs")
    return (await run_to_commit(context, retry_jobs(context, {"task": "effect"})))["retried"]


async def test_a_dead_job_that_two_operators_retry_runs_again_once_and_neither_waits_for_the_other(shop, dead):
    context = operator(shop, "retryJob")
    async with locked(shop):
        one = asyncio.create_task(run_to_commit(context, retry_job(context, str(dead), {"expectedVersion": 1})))
        await waiting(shop, 1)
        all_dead = asyncio.create_task(all_retried(shop))
        await waiting(shop, 2)

    assert ((await one)["version"], await all_dead) == (2, 0)
    assert (await shop.job(dead))[1:3] == ("queued", 2)


async def test_a_dead_job_whose_unique_key_is_enqueued_while_it_is_retried_stays_dead_and_neither_is_refused(
    shop, dead
):
    async with locked(shop):
        enqueueing = asyncio.create_task(shop.enqueue("effect", order_key="one", unique_key="u"))
        await waiting(shop, 1)
        all_dead = asyncio.create_task(all_retried(shop))
        await waiting(shop, 2)

    assert await all_dead == 0
    assert [(await shop.job(job)).state for job in (dead, await enqueueing)] == ["dead", "queued"]
