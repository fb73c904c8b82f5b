"""Q-8: the slots of a queue count over all processes, and go round its shares."""

import re
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from job_programs import workshop

from accord.queue.claiming import CLAIM, LOCK_QUEUE
from accord.settings.kinds import Slots

UNENDED = "SELECT 1 FROM accord.jobs WHERE state <> 'completed' LIMIT 1"
WAITING = """
SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""
STALL = """
CREATE FUNCTION public.stall() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
CREATE TRIGGER stalls BEFORE UPDATE ON accord.jobs FOR EACH ROW
WHEN (NEW.state = 'running' AND NEW.owner_id IS NOT NULL) EXECUTE FUNCTION public.stall();
"""
"""A claim of a job with an owner waits: it has counted the jobs that run, and shows what it claimed to no other yet."""
FILL = """
INSERT INTO accord.jobs (id, task, queue, state, is_ready, run_at, share, request_id, args)
SELECT gen_random_uuid(), 'slowEffect', 'default', 'queued', true, now(), 'large', 'test', '{"seconds": 0.05}'
FROM generate_series(1, %s) n
"""


async def test_the_first_job_of_a_share_starts_within_a_second_beside_100_000_of_another(shop, until):
    await shop.sql(FILL, 100_000)
    await shop.sql("ANALYZE accord.jobs")
    await shop.start({"default": Slots(4, 3)})
    await until(lambda: shop.sql("SELECT 1 FROM accord.jobs WHERE state = 'completed' LIMIT 1"), bool)

    jobs = [await shop.enqueue("effect", {"word": "small"}, share=f"small {n}") for n in range(5)]

    await shop.ended(*jobs)
    [(lag,)] = await shop.sql("SELECT max(started_at - created_at) FROM accord.jobs WHERE share <> 'large'")
    assert lag < timedelta(seconds=1)


async def test_a_new_share_is_served_before_the_backlogs_of_as_many_others_as_there_are_slots(shop):
    await shop.sql(FILL.replace("'large'", "'backlog ' || n %% 4").replace("0.05", "0"), 80)
    await shop.enqueue("effect", share="new")

    await shop.start({"default": Slots(2, 2)})
    await shop.drained()

    [(before,)] = await shop.sql(
        "SELECT count(*) FROM accord.jobs WHERE started_at < (SELECT started_at FROM accord.jobs WHERE share = 'new')"
    )
    # One of each, and one that may have begun twice where a slot was free again.
    assert before <= 8


VALUES = {
    "queue": "'default'",
    "tasks": "ARRAY['slowEffect']",
    "worker": "'test'",
    "slots": "20",
    "wanted": "20",
    "share_limit": "15",
    "lease": "30",
    "after": "''",
}
CLAIMING = f"EXECUTE claim ({', '.join(VALUES[name] for name in CLAIM._names)})".encode()


@asynccontextmanager
async def prepared(shop):
    """A connection whose transaction may claim, with the plan that it keeps."""
    async with await psycopg.AsyncConnection.connect(shop.url, cursor_factory=psycopg.AsyncRawCursor) as connection:
        await connection.execute(LOCK_QUEUE.sql, LOCK_QUEUE.parameters({"queue": "default"}))
        await connection.execute(b"PREPARE claim AS " + CLAIM.sql)
        yield connection
        await connection.rollback()


async def test_a_claim_finds_its_jobs_by_index_though_it_was_planned_when_there_were_none(shop):
    async with prepared(shop) as connection:
        await connection.execute(b"EXPLAIN " + CLAIMING)
        await shop.sql(FILL, 20_000)
        plan = await (await connection.execute(b"EXPLAIN " + CLAIMING)).fetchall()

    text = "\n".join(line for (line,) in plan)
    assert "Seq Scan on jobs" not in text
    assert set(re.findall(r"jobs_\w+_idx|jobs_pkey", text)) == {"jobs_listed_idx", "jobs_claimable_idx", "jobs_pkey"}
    # The rows that are locked, and those that are changed, are looked up by their ids.
    assert text.count("jobs_pkey") == 2


async def test_a_claim_reads_no_more_where_many_shares_wait(shop):
    async def pages_read(shares: int) -> int:
        await shop.sql("TRUNCATE accord.jobs")
        await shop.sql(FILL.replace("'large'", "'share ' || n"), shares)
        async with prepared(shop) as connection:
            explained = await connection.execute(b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + CLAIMING)
            [(found,)] = await explained.fetchall()
        plan = found[0]["Plan"]
        assert plan["Actual Rows"] == 20
        return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]

    assert await pages_read(5_000) < 2 * await pages_read(50)


async def test_a_share_never_has_more_than_its_slots(shop, until):
    await shop.sql(FILL, 40)
    runner = await shop.start({"default": Slots(8, 2)})

    seen: set[int] = set()

    async def unended() -> list:
        [(running,)] = await shop.sql("SELECT count(*) FROM accord.jobs WHERE state = 'running'")
        seen.update((running, runner.running))
        return await shop.sql(UNENDED)

    await until(unended, lambda left: not left)
    assert max(seen) == 2


async def test_the_slots_of_a_queue_count_over_all_runners(shop, tmp_path, until):
    await shop.sql(FILL.replace("'large'", "''"), 60)
    async with workshop(shop.url, tmp_path) as other:
        runners = [await shop.start({"default": Slots(5, 5)}), await other.start({"default": Slots(5, 5)})]
        seen: set[int] = set()

        async def unended() -> list:
            seen.add(sum(runner.running for runner in runners))
            return await shop.sql(UNENDED)

        await until(unended, lambda left: not left)
    assert max(seen) == 5


async def test_processes_that_claim_at_the_same_time_start_no_more_jobs_than_there_are_slots(shop, until):
    slots = {"default": Slots(3, 3)}
    for _ in range(3):
        await shop.enqueue("slowEffect", {"seconds": 0.5}, owner_id=uuid4())
    async with await psycopg.AsyncConnection.connect(shop.url) as holder:
        await shop.sql(STALL)
        await holder.execute("SELECT pg_advisory_xact_lock(1)")
        await shop.start(slots)
        await until(lambda: shop.sql(WAITING), lambda waiting: waiting == [(1,)])
        for _ in range(3):
            await shop.enqueue("slowEffect", {"seconds": 0.5}, priority=100)
        other = await shop.start(slots)
        await until(lambda: shop.sql(WAITING), lambda waiting: waiting == [(2,)] or other.running)
    await shop.drained()

    [(most,)] = await shop.sql(
        "SELECT max((SELECT count(*) FROM accord.jobs b WHERE b.started_at <= a.started_at"
        " AND b.ended_at > a.started_at)) FROM accord.jobs a"
    )
    assert most == 3


async def test_a_slot_that_comes_free_here_is_used_at_once_though_other_processes_have_the_rest(shop):
    elsewhere = await shop.enqueue("effect")
    await shop.sql(
        "UPDATE accord.jobs SET state = 'running', is_ready = false, lease_seconds = 3600,"
        " lease_until = now() + interval '1 hour'"
    )
    jobs = [await shop.enqueue("effect", {"word": str(n)}) for n in range(3)]

    await shop.start({"default": Slots(2, 2)}, poll_interval=3600)

    await shop.ended(*jobs)
    assert (await shop.job(elsewhere)).state == "running"


@pytest.mark.parametrize("waits", [{"order_key": "one"}, {"share": "one"}])
async def test_a_job_that_waited_for_the_one_before_it_starts_at_once(shop, waits):
    jobs = [await shop.enqueue("effect", **waits) for _ in range(3)]

    await shop.start({"default": Slots(8, 1)}, poll_interval=3600)

    await shop.ended(*jobs)


async def test_a_job_whose_row_is_locked_holds_up_no_other(shop):
    locked = await shop.enqueue("effect", {"word": "locked"})
    async with await psycopg.AsyncConnection.connect(shop.url) as operator:
        await operator.execute("SELECT FROM accord.jobs WHERE id = %s FOR UPDATE", [locked])
        await shop.start()
        [job] = await shop.ended(await shop.enqueue("effect", {"word": "free"}), seconds=3)
    assert job.state == "completed"

    await shop.ended(locked)
    assert await shop.effects() == ["free", "locked"]


async def test_a_queue_that_is_not_run_here_waits(shop):
    waiting = await shop.enqueue("effect")
    await shop.start(runs=["mail"])
    shop.runners[0].wake({"default"})
    other = await shop.start(runs=["default"])

    [job] = await shop.ended(waiting)
    assert job.state == "completed"
    assert (shop.runners[0].running, other.running) == (0, 0)


@pytest.mark.parametrize("paused", [True, False])
async def test_a_paused_queue_starts_no_job(shop, paused):
    await shop.sql("INSERT INTO accord.queues (name, paused) VALUES ('default', %s)", paused)
    await shop.start(poll_interval=0.02)

    job_id = await shop.enqueue("effect")
    # The claim of another queue comes after that of the paused one.
    mail = await shop.enqueue("mailed")
    await shop.ended(mail)

    assert (await shop.job(job_id)).state == ("queued" if paused else "completed")
    await shop.sql("UPDATE accord.queues SET paused = false")
    await shop.ended(job_id)


async def test_slots_that_an_operator_opens_are_taken_while_all_others_are(shop, until):
    await shop.sql("INSERT INTO accord.queues (name) VALUES ('default')")
    runner = await shop.start({"default": Slots(2, 2)}, poll_interval=0.02)
    for _ in range(6):
        await shop.enqueue("slowEffect", {"seconds": 60})

    async def running():
        shop.look()
        return runner.running

    await until(running, lambda jobs: jobs == 2)
    await shop.sql("UPDATE accord.queues SET slots = 5")
    await until(running, lambda jobs: jobs == 5)
    [(waiting,)] = await shop.sql("SELECT count(*) FROM accord.jobs WHERE state = 'queued'")

    assert waiting == 1
