"""Slots come free, and jobs are handed back, whenever a process stops, loses a job, or meets one that it cannot end."""

import asyncio
import uuid

import psycopg
from job_programs import workshop

from accord.journal.reading import TailEntry
from accord.queue.claiming import QUEUE_LOCK
from accord.queue.tasks import Tasks

OWNER = uuid.uuid4()


async def test_a_process_that_stops_while_it_claims_hands_back_what_it_claimed(shop, until):
    job_id = await shop.enqueue("slowEffect", {"seconds": 60})
    waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND NOT granted"

    async def claims() -> bool:
        return await shop.sql(waits, QUEUE_LOCK) != []

    async with await psycopg.AsyncConnection.connect(shop.url) as lock:
        await lock.execute("SELECT pg_advisory_xact_lock(%s, hashtext('default'))", (QUEUE_LOCK,))
        runner = await shop.start()
        await until(claims, bool)
        stopping = asyncio.create_task(runner.stop(0))
        await asyncio.sleep(0)
    await stopping
    # A job claimed after the end of `stop` would stay with a process that is gone.
    async with asyncio.timeout(30):
        await shop.claiming

    job = await shop.job(job_id)
    assert (job.state, job.attempt, job.attempts) == ("queued", 0, [])


async def test_an_attempt_that_is_cancelled_before_its_first_step_gives_its_slot_free(shop, until):
    runner, cancelled = await shop.start(poll_interval=3600), asyncio.Event()

    async def is_free() -> bool:
        return runner.running == 0

    def cancelled_elsewhere() -> None:
        shop.resources.journal_appended = lambda: None
        assert runner.running == 1
        cancelled.set()
        changed = dict.fromkeys(TailEntry._fields) | {"record_table": "jobs", "record_version": 9}
        runner.heard([TailEntry(**changed | {"record_id": job_id}) for (job_id, _) in list(runner._attempts)])

    shop.resources.jobs_enqueued = lambda _: None
    await shop.enqueue("slowEffect", {"seconds": 60}, owner_id=OWNER)
    shop.resources.journal_appended = cancelled_elsewhere
    runner.wake(["default"])

    async with asyncio.timeout(30):
        await cancelled.wait()
    await until(is_free, bool)
    assert await shop.effects() == []


async def test_a_process_whose_job_another_one_took_ends_its_attempt_and_renews_nothing(shop, tmp_path, until):
    async with workshop(shop.url, tmp_path, job_lease=3) as stalled:
        runner = await stalled.start(poll_interval=3600)
        job_id = await stalled.enqueue("slowEffect", {"seconds": 60})
        await until(lambda: shop.sql("SELECT 1 FROM accord.jobs WHERE state = 'running'"), bool)

        # Another process found that the lease had ended, and claimed the job.
        [(lease,)] = await shop.sql(
            "UPDATE accord.jobs SET version = version + 2, attempt = 2, lease_until = now() + interval '20 seconds'"
            " RETURNING lease_until"
        )

        async def is_free() -> bool:
            return runner.running == 0

        await until(is_free, bool)
        assert await shop.sql("SELECT lease_until, state FROM accord.jobs WHERE id = %s", job_id) == [
            (lease, "running")
        ]


async def test_a_lost_job_of_a_task_that_this_release_does_not_know_frees_its_slot_and_waits(shop, until):
    known = shop.resources.tasks
    shop.define("newer", shop.flows["effect"])
    job_id = await shop.enqueue("newer")
    await shop.sql(
        "UPDATE accord.jobs SET state = 'running', is_ready = false, attempt = 1, version = 2, lease_seconds = 30,"
        " started_at = now(), lease_until = now() - interval '1 second'"
    )
    del shop.flows["newer"]
    shop.resources.tasks = Tasks(known.by_name.values())

    await shop.start(poll_interval=0.02)

    async def waits() -> bool:
        return (await shop.job(job_id)).state == "retrying"

    await until(waits, bool)
    assert [attempt["outcome"] for attempt in (await shop.job(job_id)).attempts] == ["lost"]


async def test_an_error_whose_text_is_no_unicode_ends_its_attempt(shop):
    async def garbled(_) -> None:
        raise RuntimeError("a \ud800 b \0")

    shop.define("garbled", garbled, maxAttempts=1)
    await shop.start()

    [job] = await shop.ended(await shop.enqueue("garbled"), seconds=10)
    assert (job.state, job.attempts[0]["error"]) == ("dead", "RuntimeError: a \\ud800 b ")


async def test_the_jobs_of_a_queue_that_no_task_names_any_more_run(shop):
    job_id = await shop.enqueue("effect", {"word": "moved"})
    await shop.sql("UPDATE accord.jobs SET queue = 'former', run_at = run_at - interval '2 days'")
    await shop.start(runs=["default"], poll_interval=0.02)
    await shop.start(poll_interval=0.02)

    [job] = await shop.ended(job_id)

    assert (job.state, await shop.effects()) == ("completed", ["moved"])
