"""Q-5, Q-10: a job that another process took, or that was cancelled, is not ended by a late attempt."""

import asyncio
import random
import sys
from uuid import uuid4

import psycopg
import pytest
from job_programs import PAUSED, effect, slow_effect
from prometheus_client import REGISTRY

from accord.problems import NotFound
from accord.queue.outcomes import Dead, Later

CANCEL = (
    "UPDATE accord.jobs SET state = 'cancelled', version = version + 1, ended_at = clock_timestamp()"
    " WHERE id = %s AND state = 'running' RETURNING version"
)
EXPIRE = "UPDATE accord.jobs SET lease_until = '-infinity' WHERE state = 'running' AND random() < 0.2"


@pytest.mark.parametrize("jobs", [200, pytest.param(1000, marks=pytest.mark.faults)])
async def test_an_end_that_races_the_end_of_its_lease_has_one_effect(shop, jobs):
    chance = random.Random(seed := random.randrange(10**6))
    sys.stdout.write(f"seed {seed}\n")
    await shop.sql("ALTER TABLE accord.jobs ALTER COLUMN attempt SET DEFAULT -1000")

    async def hurried(context, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await effect(context)

    shop.define("hurried", hurried, args={"type": "object", "properties": {"seconds": {"type": "number"}}})
    for _ in range(2):
        await shop.start(poll_interval=0.005)
    # Every twentieth runs long enough to lose its lease, however busy the machine is.
    seconds = [chance.random() * 0.05 if n % 20 else 0.4 for n in range(jobs)]
    ids = [await shop.enqueue("hurried", {"seconds": each}) for each in seconds]

    async def expire() -> None:
        async with await psycopg.AsyncConnection.connect(shop.url, autocommit=True) as connection:
            while True:
                await connection.execute(EXPIRE)
                await asyncio.sleep(chance.random() * 0.04)

    expiring = asyncio.create_task(expire())
    await shop.drained()
    expiring.cancel()

    assert dict(await shop.sql("SELECT job_id, count(*) FROM public.effects GROUP BY job_id")) == dict.fromkeys(ids, 1)
    [(lost,)] = await shop.sql('SELECT count(*) FROM accord.jobs WHERE attempts @> \'[{"outcome": "lost"}]\'')
    assert lost > 0


async def test_a_cancelled_job_leaves_nothing_and_a_completed_one_is_not_cancelled(shop):
    await shop.start(poll_interval=0.02)
    ids = [await shop.enqueue("slowEffect", {"seconds": 0.01 * (n % 5)}) for n in range(100)]

    cancelled = set()
    for job_id in random.sample(ids, len(ids)):
        if await shop.sql(CANCEL, job_id):
            cancelled.add(job_id)
    await shop.drained()

    states = dict(await shop.sql("SELECT id, state FROM accord.jobs"))
    assert {job_id for job_id, state in states.items() if state == "cancelled"} == cancelled
    effects = [job_id for (job_id,) in await shop.sql("SELECT job_id FROM public.effects")]
    assert sorted(effects) == sorted(set(ids) - cancelled)


async def test_a_cancelled_attempt_is_counted_as_cancelled_and_not_as_lost(shop, until):
    task = f"cancelled{uuid4().hex}"
    shop.define(task, slow_effect, args=PAUSED)
    await shop.start(poll_interval=0.02, has_metrics=True)
    job_id = await shop.enqueue(task, {"seconds": 0.2})
    await until(lambda: shop.sql(CANCEL, job_id), lambda cancelled: cancelled)

    counted = {outcome: {"task": task, "outcome": outcome} for outcome in ("ok", "cancelled", "lost")}

    async def counts() -> dict[str, float]:
        found = {name: REGISTRY.get_sample_value("accord_job_attempts_total", of) for name, of in counted.items()}
        return {name: value for name, value in found.items() if value}

    assert await until(counts, bool) == {"cancelled": 1}


async def test_a_lease_from_before_the_clock_was_set_back_counts_no_longer(shop):
    job_id = await shop.enqueue("effect", {"word": "once"})
    await shop.sql(
        "UPDATE accord.jobs SET state = 'running', is_ready = false, attempt = 1, version = 2, lease_seconds = 30,"
        " started_at = now() + interval '1 hour', lease_until = now() + interval '1 hour'"
    )

    await shop.start()

    [job] = await shop.ended(job_id)
    assert [attempt["outcome"] for attempt in job.attempts] == ["lost", "ok"]
    assert await shop.effects() == ["once"]


@pytest.mark.parametrize("error", [None, RuntimeError("failed"), Later(1), Dead("never"), NotFound()], ids=repr)
async def test_an_attempt_whose_job_runs_in_another_process_by_now_changes_nothing(shop, until, error):
    goes_on = asyncio.Event()

    async def patient(context) -> None:
        await goes_on.wait()
        await effect(context)
        if error is not None:
            raise error

    shop.define("patient", patient)
    runner = await shop.start(poll_interval=3600)
    await shop.enqueue("patient")
    await until(lambda: shop.sql("SELECT 1 FROM accord.jobs WHERE state = 'running'"), bool)
    await shop.sql("UPDATE accord.jobs SET version = version + 2, attempt = 2")
    before = await shop.sql("SELECT * FROM accord.jobs")
    goes_on.set()

    async def is_over() -> bool:
        return runner.running == 0

    await until(is_over, bool)
    assert await shop.effects() == []
    assert await shop.sql("SELECT * FROM accord.jobs") == before
    assert await shop.sql("SELECT 1 FROM accord.journal") == []
