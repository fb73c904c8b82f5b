"""T-1, Q-4: clocks that are wrong, set, or at a due time while processes die make no job late, early or double."""

import asyncio
import random
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

HOUR = 3600
SHIFTED = Path(__file__).parents[1] / "support" / "shifted_clock"
INSERT = """
INSERT INTO accord.jobs (id, task, queue, request_id, args, state, is_ready, run_at)
VALUES (%s, 'cleanUpExpired', 'default', 'test', '{}', 'scheduled', false,
    clock_timestamp() + make_interval(secs => %s))
"""
ENDED = """
INSERT INTO accord.jobs (id, task, queue, request_id, args, state, is_ready, run_at, ended_at)
SELECT gen_random_uuid(), word, 'default', 'test', '{}', 'completed', false, at, at
FROM (SELECT %s AS word, clock_timestamp() - interval '7 days' + make_interval(secs => %s) AS at) AS ended
"""
OUTCOMES = "SELECT jsonb_path_query_array(attempts, '$[*].outcome') FROM accord.jobs"
SET_CLOCK = """
UPDATE accord.jobs SET run_at = run_at + hours, created_at = created_at + hours, started_at = started_at + hours,
    ended_at = ended_at + hours, lease_until = lease_until + hours
FROM (SELECT make_interval(secs => %s) AS hours) AS shift
"""


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
async def test_a_process_on_a_machine_whose_clock_is_an_hour_off_runs_jobs_at_their_times(shop, workers, ahead):
    soon, in_an_hour = [str(uuid4()) for _ in range(3)], str(uuid4())
    worker = workers.run("worker", "worker", PYTHONPATH=str(SHIFTED), CLOCK_AHEAD=str(ahead))
    await asyncio.to_thread(worker.wait_for, r"(clock differs)")
    await asyncio.to_thread(worker.wait_for, r"(worker is ready)")

    await shop.sql(ENDED, "old", -HOUR / 2)
    await shop.sql(ENDED, "younger", HOUR / 2)
    await shop.sql(INSERT, in_an_hour, HOUR - 60)
    await shop.sql(INSERT, soon[0], 0)
    for job_id in soon[1:]:
        await shop.sql(INSERT, job_id, 2)
    jobs = await shop.ended(*soon)

    assert [(job.state, job.attempt) for job in jobs] == [("completed", 1)] * 3
    lags = "SELECT extract(epoch FROM started_at - run_at)::float FROM accord.jobs WHERE id = ANY(%s) ORDER BY 1"
    [(first,), (second,), _] = await shop.sql(lags, soon)
    assert 0 <= first <= second < 1.0
    assert (await shop.job(in_an_hour)).state == "scheduled"
    # What the jobs did: a clean-up after seven days.
    assert await shop.sql("SELECT task FROM accord.jobs WHERE ended_at < now() - interval '6 days'") == [("younger",)]
    assert await shop.sql("SELECT name FROM accord.schedules WHERE last_due_at > clock_timestamp()") == []


@pytest.mark.parametrize("hours", [1, -1])
async def test_each_job_is_done_once_though_the_clock_of_the_database_is_set_while_they_run(shop, until, hours):
    for _ in range(2):
        await shop.start(poll_interval=0.05)
    jobs = [
        await shop.enqueue("slowEffect", {"seconds": 0.3}, order_key="one" if n % 20 == 0 else None) for n in range(80)
    ]
    await until(lambda: shop.sql("SELECT 1 FROM accord.jobs WHERE state = 'completed'"), bool)
    await until(lambda: shop.sql("SELECT 1 FROM accord.jobs WHERE state = 'running'"), bool)

    # To a row it makes no difference whether the clock is set or each time that was read from the clock.
    await shop.sql(SET_CLOCK, -hours * HOUR)
    await shop.drained(20)

    assert dict(await shop.sql("SELECT job_id, count(*) FROM public.effects GROUP BY job_id")) == dict.fromkeys(jobs, 1)
    outcomes = [outcome for (each,) in await shop.sql(OUTCOMES) for outcome in each]
    # Those that ran lost a lease that was made on another clock, and ran again, unless they ended before a poll saw it.
    assert set(outcomes) <= {"ok", "lost"}
    assert outcomes.count("ok") == len(jobs)


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.faults)])
async def test_each_due_time_has_one_job_though_processes_are_killed_and_start_at_due_times(
    shop, process, until, kills
):
    seed = random.randrange(10**6)
    sys.stdout.write(f"seed {seed}\n")
    chance = random.Random(seed)
    options = ("known=nothing", "lease=3", f"minutes_since={time.monotonic()}")
    running = [await asyncio.to_thread(process, *options) for _ in range(2)]

    async def due() -> list[str]:
        return [key for (key,) in await shop.sql("SELECT unique_key FROM accord.jobs WHERE task = 'sweep'")]

    for _ in range(kills):
        before = len(await due())
        await until(due, lambda seen, before=before: len(seen) > before)
        await asyncio.sleep(chance.random() * 0.1)
        running.pop(chance.randrange(len(running))).kill()
        running.append(await asyncio.to_thread(process, *options))
    before = len(await due())
    found = await until(due, lambda seen: len(seen) > before + 5)

    assert len(set(found)) == len(found) > kills
