"""Q-10: who cancels a running job over HTTP, and the process that runs the job, agree on how it ended."""

import asyncio
import random
import sys
from pathlib import Path

import pytest
from flows.jobs.samples import a_job

PROCESS = Path(__file__).parents[1] / "support" / "job_process.py"
ENDED = {"cancelled", "completed"}
LONGEST = 0.05
"""Seconds that a job takes at most, about as long as the request that cancels it."""


@pytest.fixture
async def runner(given, tmp_path):
    """A process of its own that runs jobs of the task slowEffect on the database of the service."""
    command = [sys.executable, str(PROCESS), given.service.database_url, str(tmp_path), "known=slowEffect", "lease=3"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    yield process
    process.terminate()
    await process.wait()
    await given.sql("DROP TABLE public.effects")


async def running_or_ended(given, job_id):
    async with asyncio.timeout(30):
        while True:
            [(state, version)] = await given.sql("SELECT state, version FROM accord.jobs WHERE id = %s", job_id)
            if state != "queued":
                return version
            await asyncio.sleep(0.005)


@pytest.mark.usefixtures("runner")
async def test_a_job_that_is_cancelled_while_it_ends_is_cancelled_or_completed_never_both(given):
    me = await given.an_account()
    task = {"task": "slowEffect", "queue": "default", "owner_id": me.id}

    async def race(_: int) -> tuple[str, int]:
        job_id = await a_job(given, "queued", args={"seconds": random.random() * LONGEST}, **task)
        version = await running_or_ended(given, job_id)
        return job_id, (await me.post(f"/api/v1/jobs/{job_id}/cancel", expectedVersion=version)).status_code

    races = [each for _ in range(20) for each in await asyncio.gather(*map(race, range(5)))]

    won = {job_id for job_id, status in races if status == 200}
    assert {status for _, status in races} <= {200, 409, 422}
    async with asyncio.timeout(30):
        while await given.sql("SELECT 1 FROM accord.jobs WHERE owner_id = %s AND NOT state = ANY(%s)", me.id, [*ENDED]):
            await asyncio.sleep(0.05)
    states = await given.sql("SELECT id::text, state FROM accord.jobs WHERE owner_id = %s", me.id)
    assert {job_id for job_id, state in states if state == "cancelled"} == won
    effects = await given.sql("SELECT job_id::text FROM public.effects JOIN accord.jobs ON jobs.id = job_id")
    assert sorted(job_id for (job_id,) in effects) == sorted({job_id for job_id, _ in races} - won)
    assert 0 < len(won) < len(races), "The jobs take too long or too short for a race."
