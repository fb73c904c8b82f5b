import asyncio
import time
from contextlib import asynccontextmanager
from uuid import uuid4

import psycopg
import pytest
from flows.jobs.samples import a_job, columns_of


async def retried(account, **body) -> int:
    response = await account.post("/api/v1/jobs/retry", **body)
    assert response.status_code == 200, response.text
    return response.json()["retried"]


async def states(given, jobs) -> list[str]:
    return [(await columns_of(given, job_id, "state"))[0] for job_id in jobs]


async def test_the_dead_jobs_of_the_task_run_again(given):
    admin, owner, task = await given.an_admin(), await given.an_account(), f"test{uuid4().hex}"
    dead = [await a_job(given, "dead", task=task, owner_id=owner.id), await a_job(given, "dead", task=task, attempt=5)]
    others = [await a_job(given, "cancelled", task=task), await a_job(given, "dead")]

    response = await admin.post("/api/v1/jobs/retry", task=task)

    assert response.json() == {"retried": 2}
    assert await states(given, dead + others) == ["queued", "queued", "cancelled", "dead"]
    assert await columns_of(given, dead[1], "attempt", "is_ready", "version") == (0, True, 2)
    entries = await given.entries(response)
    assert {(entry["record_id"], entry["record_version"], entry["actor_id"]) for entry in entries} == {
        (job_id, 2, admin.id) for job_id in dead
    }
    assert await retried(admin, task=task) == 0


async def test_the_first_that_died_come_first_up_to_the_limit(given):
    admin, task = await given.an_admin(), f"test{uuid4().hex}"
    days = ("2026-01-03", "2026-01-01", "2026-01-02")
    jobs = [await a_job(given, "dead", task=task, ended_at=f"{day}T00:00:00Z") for day in days]

    assert await retried(admin, task=task, limit=2) == 2
    assert await states(given, jobs) == ["dead", "queued", "queued"]


async def test_only_jobs_that_died_since_a_time(given):
    admin, task = await given.an_admin(), f"test{uuid4().hex}"
    days = ("2026-01-01", "2026-01-02")
    jobs = [await a_job(given, "dead", task=task, ended_at=f"{day}T00:00:00Z") for day in days]

    assert await retried(admin, task=task, deadAfter="2026-01-02T00:00:00Z") == 1
    assert await states(given, jobs) == ["dead", "queued"]


async def test_of_one_unique_key_one_job_runs_again_and_none_beside_another(given):
    admin, task = await given.an_admin(), f"test{uuid4().hex}"
    keys = ("twice", "twice", "taken")
    jobs = [await a_job(given, "dead", task=task, unique_key=key) for key in keys]
    await a_job(given, "scheduled", task=task, unique_key="taken")

    assert await retried(admin, task=task) == 1
    assert await states(given, jobs) == ["dead", "queued", "dead"]


async def test_thousands_of_unique_keys_keep_no_retry_waiting(given):
    admin, task = await given.an_admin(), f"test{uuid4().hex}"
    await a_job(given, "dead", task=task)
    await given.sql(
        "INSERT INTO accord.jobs (id, task, queue, state, is_ready, run_at, request_id, args, unique_key, ended_at)"
        " SELECT gen_random_uuid(), %s, 'tests', 'dead', false, now(), 'test', '{}', n::text, now()"
        " FROM generate_series(1, 20000) n",
        task,
    )
    started = time.monotonic()

    assert await retried(admin, task=task) == 1000

    assert time.monotonic() - started < 3
    await given.sql("DELETE FROM accord.jobs WHERE task = %s", task)


@asynccontextmanager
async def enqueueing(given, task, unique_key):
    """Enqueue a job with this key in a transaction that commits when the block ends."""
    async with await psycopg.AsyncConnection.connect(given.service.database_url) as connection:
        await connection.execute(
            "INSERT INTO accord.jobs (id, task, queue, state, is_ready, run_at, request_id, args, unique_key)"
            " VALUES (gen_random_uuid(), %s, 'tests', 'scheduled', false, now() + interval '1 day', 'test', '{}', %s)",
            (task, unique_key),
        )
        yield


@pytest.mark.parametrize("limit", [1, 1000])
async def test_a_unique_key_that_is_taken_meanwhile_leaves_out_its_job_and_no_other(given, limit):
    admin, task = await given.an_admin(), f"test{uuid4().hex}"
    keys = ("taken", None, "free")
    jobs = [await a_job(given, "dead", task=task, unique_key=key) for key in keys]

    async with enqueueing(given, task, "taken"):
        retrying = asyncio.create_task(retried(admin, task=task, limit=limit))
        await given.lock_waiters(1)

    first = await retrying
    assert first == min(limit, 2)
    assert first + await retried(admin, task=task) == 2
    assert await states(given, jobs) == ["dead", "queued", "queued"]


@asynccontextmanager
async def retrying_elsewhere(given, job_id):
    """Queue a job again in a transaction that commits when the block ends."""
    async with await psycopg.AsyncConnection.connect(given.service.database_url) as connection:
        await connection.execute("UPDATE accord.jobs SET state = 'queued', ended_at = NULL WHERE id = %s", (job_id,))
        yield


async def test_a_number_of_0_says_that_none_is_left_also_when_all_that_were_found_are_queued_meanwhile(given):
    admin, task = await given.an_admin(), f"test{uuid4().hex}"
    days = ("2026-01-01", "2026-01-02")
    jobs = [await a_job(given, "dead", task=task, ended_at=f"{day}T00:00:00Z") for day in days]

    async with retrying_elsewhere(given, jobs[0]):
        retrying = asyncio.create_task(retried(admin, task=task, limit=1))
        await given.lock_waiters(1)

    assert await retrying == 1
    assert await states(given, jobs) == ["queued", "queued"]


async def test_of_one_order_key_the_first_may_run(given):
    admin, task, key = await given.an_admin(), f"test{uuid4().hex}", uuid4().hex
    jobs = [await a_job(given, "dead", task=task, order_key=key) for _ in range(3)]

    assert await retried(admin, task=task) == 3
    assert [(await columns_of(given, job_id, "is_blocked"))[0] for job_id in jobs] == [False, True, True]


async def test_more_than_a_thousand_at_once_are_refused_and_a_customer_may_not(given):
    admin, somebody = await given.an_admin(), await given.an_account()

    assert (await admin.post("/api/v1/jobs/retry", task="testTask", limit=1001)).status_code == 400
    assert (await somebody.post("/api/v1/jobs/retry", task="testTask")).status_code == 403
