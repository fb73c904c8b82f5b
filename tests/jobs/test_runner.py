"""Q-2 to Q-6: a job runs after its commit, ends in the commit of its work, and is tried again when it failed."""

import asyncio
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from job_programs import effect, later_twice, slow_effect, workshop

from accord.context import ANONYMOUS, Context, JobContext, RequestInfo
from accord.contract.validators import compile_validator
from accord.dispatch import run_to_commit
from accord.problems import Deadlock
from accord.queue.claiming import MAX_SWEPT
from accord.queue.outcomes import MIN_LATER
from accord.queue.tasks import UnknownTask, WrongArguments
from accord.settings.kinds import Slots

OVERLAPS = "SELECT 1 FROM accord.jobs a JOIN accord.jobs b ON a.sequence < b.sequence AND b.started_at < a.ended_at"


async def test_a_job_ends_in_the_commit_of_its_work(shop):
    await shop.start()

    job_id = await shop.enqueue("effect", {"word": "done"})

    [job] = await shop.ended(job_id)
    assert (job.state, job.version, job.attempt) == ("completed", 3, 1)
    assert [attempt["outcome"] for attempt in job.attempts] == ["ok"]
    assert await shop.effects() == ["done"]


async def test_a_rolled_back_transaction_leaves_no_job(shop):
    context = Context(shop.resources, "test", ANONYMOUS, RequestInfo("test"))

    async def flow() -> None:
        await context.jobs.enqueue("effect")
        await context.jobs.enqueue("effect", unique_key="one")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await run_to_commit(context, flow())
    await context.rollback()

    assert await shop.sql("SELECT 1 FROM accord.jobs") == []


@pytest.mark.parametrize(
    ("task", "args", "error"),
    [
        ("effect", {"word": 1}, WrongArguments),
        ("effect", {"other": "x"}, WrongArguments),
        ("effect", {"word": "x" * 65_536}, WrongArguments),
        ("effect", {"word": uuid4()}, WrongArguments),
        ("unheard", {}, UnknownTask),
    ],
)
async def test_arguments_that_do_not_fit_raise_and_write_nothing(shop, task, args, error):
    with pytest.raises(error) as raised:
        await shop.enqueue(task, args)

    assert "xxx" not in str(raised.value)
    assert await shop.sql("SELECT 1 FROM accord.jobs") == []


async def test_a_failing_job_is_tried_again_and_dead_after_its_last_attempt(shop):
    await shop.start(poll_interval=0.02)

    job_id = await shop.enqueue("failing", {"word": "x"})

    [job] = await shop.ended(job_id)
    assert (job.state, job.attempt) == ("dead", 3)
    assert [attempt["outcome"] for attempt in job.attempts] == ["failed"] * 3
    assert "RuntimeError" in job.attempts[0]["error"]
    assert "hunter2" not in str(job.attempts)
    assert await shop.effects() == []


async def test_a_job_that_is_cancelled_from_within_fails_at_once_and_does_not_wait_for_its_lease(shop):
    async def flow(context: JobContext) -> None:
        await effect(context, "rolled back")
        raise asyncio.CancelledError

    shop.define("cancelled", flow, maxAttempts=1)
    await shop.start()

    [job] = await shop.ended(await shop.enqueue("cancelled"), seconds=10)

    assert (job.state, job.attempts[0]["outcome"]) == ("dead", "failed")
    assert job.attempts[0]["error"] == "CancelledWithin: cancelled was cancelled from within."
    assert await shop.effects() == []


async def test_a_declared_problem_is_dead_at_once(shop):
    await shop.start()

    job_id = await shop.enqueue("deciding")

    [job] = await shop.ended(job_id)
    assert (job.state, job.attempt, job.attempts[0]["error"][:9]) == ("dead", 1, "NOT_FOUND")
    assert await shop.effects() == []


async def test_a_job_for_later_uses_no_attempt(shop):
    shop.define("later", later_twice(1))
    await shop.start(poll_interval=0.02)

    job_id = await shop.enqueue("later")

    [job] = await shop.ended(job_id)
    assert (job.state, job.attempt, len(job.attempts)) == ("completed", 1, 1)


async def test_a_job_that_asks_for_no_time_waits_a_second_all_the_same(shop):
    shop.define("later", later_twice(0))
    await shop.start(poll_interval=0.02)
    begun = time.monotonic()

    [job] = await shop.ended(await shop.enqueue("later"))

    assert job.state == "completed"
    assert time.monotonic() - begun > 2 * MIN_LATER - 0.1


async def test_an_attempt_that_lost_a_deadlock_does_not_count(shop):
    lost = []

    async def flow(_) -> None:
        if not lost:
            lost.append(True)
            raise Deadlock

    shop.define("ring", flow, maxAttempts=1, backoff={"firstSeconds": 0.05})
    await shop.start(poll_interval=0.02)

    [job] = await shop.ended(await shop.enqueue("ring"))

    assert (job.state, job.attempt, [attempt["outcome"] for attempt in job.attempts]) == ("completed", 1, ["ok"])


async def test_a_job_starts_at_its_time(shop):
    await shop.start(poll_interval=0.02)
    run_at = shop.resources.clock() + timedelta(seconds=0.5)

    job_id = await shop.enqueue("effect", run_at=run_at)
    assert (await shop.job(job_id)).state == "scheduled"

    await shop.ended(job_id)
    [(late,)] = await shop.sql("SELECT started_at - run_at FROM accord.jobs")
    assert timedelta(0) <= late < timedelta(seconds=1)


async def test_more_jobs_than_one_look_takes_start_when_their_time_has_come(shop):
    await shop.sql(
        "INSERT INTO accord.jobs (id, task, queue, state, is_ready, run_at, request_id, args) SELECT"
        " gen_random_uuid(), 'nothing', 'default', 'scheduled', false, now(), 'test', '{}' FROM generate_series(1, %s)",
        2 * MAX_SWEPT + 1,
    )

    await shop.start(poll_interval=3600)

    await shop.drained(seconds=30)


async def test_a_job_whose_hint_was_lost_starts_within_a_second(shop):
    await shop.start()
    shop.resources.jobs_enqueued = lambda _: None
    await asyncio.sleep(0.3)

    await shop.ended(await shop.enqueue("effect"))

    [(lag,)] = await shop.sql("SELECT started_at - created_at FROM accord.jobs")
    assert lag < timedelta(seconds=1)


async def test_a_job_that_takes_too_long_is_a_timeout_and_leaves_nothing(shop):
    shop.define(
        "endless",
        slow_effect,
        args={"type": "object", "properties": {"seconds": {"type": "number"}}},
        timeoutSeconds=1,
        maxAttempts=1,
    )
    await shop.start()

    job_id = await shop.enqueue("endless", {"seconds": 60})

    [job] = await shop.ended(job_id)
    assert (job.state, job.attempts[0]["outcome"]) == ("dead", "timeout")
    assert await shop.effects() == []


async def test_an_attempt_that_goes_on_after_its_time_loses_its_lease(shop, tmp_path):
    late = asyncio.Event()

    async def stubborn(context) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            late.set()
            await asyncio.sleep(60)
        await effect(context)

    async with workshop(shop.url, tmp_path, job_lease=3) as other:
        other.define("stubborn", stubborn, timeoutSeconds=1, maxAttempts=1)
        await other.start()
        [job] = await other.ended(await other.enqueue("stubborn"), seconds=20)

    assert late.is_set()
    assert (job.state, [attempt["outcome"] for attempt in job.attempts]) == ("dead", ["lost"])
    assert await shop.effects() == []


async def test_jobs_of_one_order_key_run_one_after_another_in_the_order_of_their_commits(shop):
    await shop.start()

    jobs = [
        await shop.enqueue("slowEffect", {"word": str(n), "seconds": 0.05 if n % 2 else 0}, order_key="one")
        for n in range(10)
    ]

    await shop.ended(*jobs)
    assert await shop.effects() == [str(n) for n in range(10)]
    assert await shop.sql(OVERLAPS) == []


async def test_of_jobs_of_one_order_key_that_are_enqueued_at_the_same_time_one_may_run(shop):
    await asyncio.gather(*(shop.enqueue("effect", order_key="one") for _ in range(10)))

    assert await shop.sql("SELECT count(*) FROM accord.jobs WHERE NOT is_blocked") == [(1,)]


async def test_jobs_of_one_order_key_that_are_enqueued_while_others_end_run_one_after_another(shop):
    await shop.start()

    jobs = await asyncio.gather(*(shop.enqueue("effect", order_key="one") for _ in range(100)))

    await shop.drained()
    assert len(await shop.effects()) == len(jobs)
    assert await shop.sql(OVERLAPS) == []


async def test_the_next_job_of_an_order_key_waits_for_the_one_that_is_tried_again_and_follows_a_dead_one(shop):
    await shop.start(poll_interval=0.02)

    failing = await shop.enqueue("failing", {"word": "x"}, order_key="one")
    following = await shop.enqueue("effect", {"word": "next"}, order_key="one")

    first, second = await shop.ended(failing, following)
    assert (first.state, second.state) == ("dead", "completed")
    assert first.attempts[-1]["endedAt"] < second.attempts[0]["startedAt"]


async def test_a_unique_job_is_enqueued_once_until_it_ended(shop):
    first = await shop.enqueue("effect", unique_key="one")
    again, *others = await asyncio.gather(*(shop.enqueue("effect", unique_key="one") for _ in range(8)))
    other = await shop.enqueue("effect", unique_key="two")

    assert {again, *others} == {first}
    assert other != first
    await shop.start()
    await shop.ended(first)
    assert await shop.enqueue("effect", unique_key="one") != first


async def test_concurrent_first_enqueues_of_a_unique_job_make_one(shop):
    ids = await asyncio.gather(*(shop.enqueue("effect", unique_key="one") for _ in range(10)))

    assert len(set(ids)) == 1
    assert await shop.sql("SELECT id FROM accord.jobs") == [(ids[0],)]


async def test_higher_priorities_start_first(shop):
    for priority in (0, -100, 50, 100, 0):
        await shop.enqueue("effect", {"word": str(priority)}, priority=priority)

    await shop.start({"default": Slots(1, 1)})

    await shop.drained()
    assert await shop.effects() == ["100", "50", "0", "0", "-100"]


@pytest.mark.parametrize("unique_key", [None, "one"])
async def test_a_job_with_an_owner_is_journaled_when_it_is_created_started_and_ended(shop, unique_key):
    owner = shop.resources.new_id()
    await shop.start(poll_interval=3600)  # The hint of the commit alone wakes it.

    job_id = await shop.enqueue("effect", owner_id=owner, unique_key=unique_key)
    await shop.ended(job_id)
    await shop.ended(await shop.enqueue("effect"))

    entries = await shop.sql(
        "SELECT record_id, record_version, kind, fields ->> 'state', list_keys FROM accord.journal ORDER BY id"
    )
    lists = [f"getList:{owner}:jobs"]
    assert entries == [
        (job_id, 1, "created", "queued", lists),
        (job_id, 2, "updated", "running", lists),
        (job_id, 3, "updated", "completed", lists),
    ]


async def test_a_dead_system_job_is_an_event(shop):
    await shop.start()

    await shop.ended(job_id := await shop.enqueue("deciding"))

    [(record, kind, fields)] = await shop.sql("SELECT record_id, kind, fields FROM accord.journal")
    assert (record, kind, fields.pop("event")) == (job_id, "event", "job.dead")
    validate = compile_validator({"$ref": "#/components/schemas/DeadJob"})
    assert validate({"id": str(record), **fields}) == []
    assert (fields["task"], fields["queue"]) == ("deciding", "default")


async def test_the_owner_of_a_dead_job_is_told_the_problem_and_never_an_exception(shop):
    args = {"type": "object", "properties": {"seconds": {"type": "number"}}}
    shop.define("endless", slow_effect, args=args, timeoutSeconds=1, maxAttempts=1)
    owner = shop.resources.new_id()
    await shop.start(poll_interval=0.02)

    jobs = {
        "NOT_FOUND": await shop.enqueue("deciding", owner_id=owner),
        "INTERNAL_ERROR": await shop.enqueue("failing", {"word": "x"}, owner_id=owner),
        "TIMEOUT": await shop.enqueue("endless", {"seconds": 60}, owner_id=owner),
    }
    system = await shop.enqueue("deciding")

    await shop.ended(*jobs.values(), system)
    for code, job_id in jobs.items():
        [(problem,)] = await shop.sql("SELECT problem FROM accord.jobs WHERE id = %s", job_id)
        assert (problem["code"], problem["type"]) == (code, f"/problems/{code}")
        assert (problem["instance"], problem["requestId"]) == (f"/api/v1/jobs/{job_id}", "test")
        assert "RuntimeError" not in str(problem)
    assert await shop.sql("SELECT problem FROM accord.jobs WHERE id = %s", system) == [(None,)]
