"""Q-6, Q-11: the end of an attempt is recorded, whatever the flow did before and whatever happens meanwhile."""

import asyncio
from contextlib import suppress

import psycopg
import pytest
from job_programs import CONNECTIONS, effect
from sqlalchemy import text

from accord.database.statement import Statement
from accord.queue.outcomes import Dead

FAILS = Statement(text("SELECT 1 / 0"))
END_OPEN_TRANSACTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction'
"""
WAITS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_a_job_that_can_never_succeed_is_dead_at_once_with_what_its_flow_wrote(shop):
    async def refused(context) -> None:
        await effect(context, "refused")
        raise Dead("the server said no")

    shop.define("refused", refused)
    await shop.start()

    [job] = await shop.ended(await shop.enqueue("refused"))

    assert (job.state, job.attempts[0]["error"]) == ("dead", "Dead: the server said no")
    assert await shop.effects() == ["refused"]


async def test_the_writes_of_a_flow_that_gives_up_are_not_lost_with_a_connection(shop):
    attempts = []

    async def refused(context) -> None:
        attempts.append(context.job.attempt)
        await effect(context, "refused")
        if len(attempts) == 1:
            with psycopg.connect(shop.url, autocommit=True) as other:
                other.execute(END_OPEN_TRANSACTIONS)
        raise Dead("the server said no")

    shop.define("refused", refused, backoff={"firstSeconds": 0.05})
    await shop.start(poll_interval=0.02)

    [job] = await shop.ended(await shop.enqueue("refused"))

    assert (job.state, attempts) == ("dead", [1, 2])
    assert await shop.effects() == ["refused"]


@pytest.mark.parametrize("writes", [False, True], ids=["first", "later"])
async def test_a_flow_that_gives_up_after_a_failed_statement_ends_its_job_and_keeps_no_connection(shop, writes):
    async def confused(context) -> None:
        if writes:
            await effect(context, "rolled back")
        with suppress(psycopg.Error):
            await context.tx.run(FAILS)
        raise Dead("a statement failed")

    shop.define("confused", confused)
    await shop.start()

    jobs = await shop.ended(*[await shop.enqueue("confused") for _ in range(CONNECTIONS + 1)])

    assert {(job.state, job.attempts[0]["error"]) for job in jobs} == {("dead", "Dead: a statement failed")}
    assert await shop.effects() == []


async def test_a_process_that_stops_while_an_end_is_recorded_records_it(shop, until):
    goes_on = asyncio.Event()

    async def patient(_) -> None:
        await goes_on.wait()
        raise RuntimeError("failed")

    shop.define("patient", patient)
    runner = await shop.start(poll_interval=3600)
    job_id = await shop.enqueue("patient")
    await until(lambda: shop.sql("SELECT 1 FROM accord.jobs WHERE state = 'running'"), bool)

    async with await psycopg.AsyncConnection.connect(shop.url) as connection:
        await connection.execute("SELECT FROM accord.jobs WHERE id = %s FOR UPDATE", (job_id,))
        goes_on.set()
        await until(lambda: shop.sql(WAITS), bool)
        stopping = asyncio.create_task(runner.stop(0))
        await asyncio.wait([stopping], timeout=0.1)
    await stopping

    job = await shop.job(job_id)
    assert (job.state, [attempt["outcome"] for attempt in job.attempts]) == ("retrying", ["failed"])
