"""Q-5, Q-6, Q-11: processes are killed, frozen and stopped in the middle of jobs, and each job has its effect once."""

import asyncio
import random
import signal
import sys
from contextlib import suppress
from uuid import UUID

import pytest
from job_programs import Workshop

LEASE = "lease=3"


async def effects_by_job(shop: Workshop) -> dict[UUID, int]:
    return dict(await shop.sql("SELECT job_id, count(*) FROM public.effects GROUP BY job_id"))


async def until_running(shop: Workshop, count: int = 1) -> None:
    async with asyncio.timeout(30):
        while len(await shop.sql("SELECT 1 FROM accord.jobs WHERE state = 'running'")) < count:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.faults)])
async def test_each_job_has_its_effect_once_though_processes_are_killed_in_mid_job(shop, process, kills):
    seed = random.randrange(10**6)
    sys.stdout.write(f"seed {seed}\n")
    chance = random.Random(seed)
    # A lost attempt counts, and a job may be lost often here.
    await shop.sql("ALTER TABLE accord.jobs ALTER COLUMN attempt SET DEFAULT -100")
    running = [await asyncio.to_thread(process, LEASE) for _ in range(2)]

    jobs: list[UUID] = []
    for _ in range(kills):
        # Anew for each kill: however long processes take to start, some jobs are left to be killed.
        jobs += [await shop.enqueue("slowEffect", {"seconds": chance.random() * 0.4}) for _ in range(40)]
        await until_running(shop)
        await asyncio.sleep(chance.random() * 0.3)
        running.pop(0).kill()
        running.append(await asyncio.to_thread(process, LEASE))
    await shop.drained(120)

    assert await effects_by_job(shop) == dict.fromkeys(jobs, 1)
    states = await shop.sql("SELECT DISTINCT state FROM accord.jobs")
    assert states == [("completed",)]


async def test_a_process_that_was_frozen_past_its_lease_changes_nothing(shop, process):
    frozen = await asyncio.to_thread(process, LEASE)
    job_id = await shop.enqueue("slowEffect", {"word": "once", "seconds": 0.5})
    await until_running(shop)

    frozen.send_signal(signal.SIGSTOP)
    await shop.start()
    [job] = await shop.ended(job_id)
    frozen.send_signal(signal.SIGCONT)
    frozen.terminate()
    assert await asyncio.to_thread(frozen.wait, 30) == 0

    assert [attempt["outcome"] for attempt in job.attempts] == ["lost", "ok"]
    assert await shop.job(job_id) == job
    assert await shop.effects() == ["once"]


async def test_a_job_that_takes_many_leases_runs_once(shop, process):
    await asyncio.to_thread(process, LEASE)
    job_id = await shop.enqueue("slowEffect", {"word": "long", "seconds": 10.0})
    await until_running(shop)
    # Another process looks for jobs that lost their lease.
    await shop.start()

    [job] = await shop.ended(job_id)
    assert [attempt["outcome"] for attempt in job.attempts] == ["ok"]
    assert await shop.effects() == ["long"]


async def test_a_process_that_stops_hands_its_jobs_back_at_once_and_no_attempt_counts(shop, process):
    stopping = await asyncio.to_thread(process, "shutdown=0.2")
    jobs = [await shop.enqueue("slowEffect", {"seconds": 30.0}) for _ in range(3)]
    await until_running(shop, 3)

    stopping.terminate()
    assert await asyncio.to_thread(stopping.wait, 30) == 0

    for job in [await shop.job(job_id) for job_id in jobs]:
        assert (job.state, job.attempt, job.attempts) == ("queued", 0, [])
    assert await shop.sql("SELECT DISTINCT is_ready FROM accord.jobs") == [(True,)]


async def test_a_process_that_stops_finishes_the_jobs_that_can_end_in_time(shop, process):
    stopping = await asyncio.to_thread(process, "shutdown=20")
    job_id = await shop.enqueue("slowEffect", {"word": "done", "seconds": 1.0})
    await until_running(shop)
    stopping.terminate()
    waiting = await shop.enqueue("effect", {"word": "later"})
    assert await asyncio.to_thread(stopping.wait, 30) == 0

    assert (await shop.job(job_id)).state == "completed"
    assert (await shop.job(waiting)).state == "queued"
    assert await shop.effects() == ["done"]


async def test_a_release_leaves_tasks_that_it_does_not_know_to_another(shop, process):
    await asyncio.to_thread(process, "known=nothing")
    unknown = await shop.enqueue("effect", {"word": "new"})
    known = [await shop.enqueue("nothing") for _ in range(5)]
    await shop.ended(*known)

    assert (await shop.job(unknown)).state == "queued"
    await shop.start()
    [job] = await shop.ended(unknown)
    assert job.state == "completed"


async def test_a_task_that_no_release_knows_for_a_day_is_dead(shop, process):
    job_id = await shop.enqueue("effect")
    await shop.sql("UPDATE accord.jobs SET run_at = run_at - interval '23 hours 59 minutes'")
    younger = await shop.enqueue("effect")
    await shop.sql("UPDATE accord.jobs SET run_at = run_at - interval '2 minutes'")

    await asyncio.to_thread(process, "known=nothing")

    [job] = await shop.ended(job_id)
    assert (job.state, job.attempts[0]["error"][:12]) == ("dead", "UNKNOWN_TASK")
    assert (await shop.job(younger)).state == "queued"


@pytest.mark.faults
async def test_10_000_jobs_are_done_once_each_though_one_of_two_processes_is_killed_every_few_seconds(shop, process):
    await shop.sql("ALTER TABLE accord.jobs ALTER COLUMN attempt SET DEFAULT -100")
    jobs = [await shop.enqueue("slowEffect", {"seconds": 0.01}) for _ in range(10_000)]
    running = [await asyncio.to_thread(process, LEASE) for _ in range(2)]

    with suppress(TimeoutError):
        async with asyncio.timeout(300):
            while await shop.sql("SELECT 1 FROM accord.jobs WHERE state <> 'completed' LIMIT 1"):
                await asyncio.sleep(3)
                running.pop(0).kill()
                running.append(await asyncio.to_thread(process, LEASE))

    assert await effects_by_job(shop) == dict.fromkeys(jobs, 1)
