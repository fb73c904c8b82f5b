"""What operators do with jobs at a terminal."""

import asyncio
from uuid import uuid4

from flows.jobs.samples import SCHEDULES, a_job, columns_of

from accord.contract.times import timestamp


async def command(given, *words):
    return await asyncio.to_thread(given.service.command, "jobs", *words)


async def test_jobs_are_listed_with_their_last_error(given):
    task = f"test{uuid4().hex}"
    times = {"startedAt": "2026-01-31T09:30:00.000000Z", "endedAt": "2026-01-31T09:30:01.000000Z"}
    attempts = [{**times, "outcome": "failed", "error": "OSError: refused\nand more"}]
    dead = await a_job(given, "dead", task=task, attempts=attempts)
    waiting = await a_job(given, task=task)

    both = await command(given, "list", "--task", task)
    one = await command(given, "list", "--task", task, "--state", "dead")

    created_at, run_at = await columns_of(given, dead, "created_at") + await columns_of(given, waiting, "run_at")
    assert [line.split()[:5] for line in both.stdout.splitlines()] == [
        [timestamp(run_at), waiting, "scheduled", "tests", task],
        [timestamp(created_at), dead, "dead", "tests", task],
    ]
    assert one.stdout.rstrip().endswith(f"{task}  OSError: refused")


async def test_a_list_without_a_job_says_so_beside_its_lines(given):
    done = await command(given, "list", "--task", f"test{uuid4().hex}")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No job fits.\n")


async def test_dead_jobs_are_queued_again_and_the_journal_has_it(given):
    task = f"test{uuid4().hex}"
    job_id = await a_job(given, "dead", task=task)

    done = await command(given, "retry", task)

    assert done.stdout == f"1 jobs of {task} are queued again.\n", done.stderr
    assert await columns_of(given, job_id, "state", "version") == ("queued", 2)
    entries = await given.sql("SELECT actor_kind, operation FROM accord.journal WHERE record_id = %s", job_id)
    assert entries == [("system", "retryJobs")]


async def test_a_job_that_was_enqueued_at_a_terminal_runs(given, until):
    done = await command(given, "run", SCHEDULES[0])

    assert done.returncode == 0, done.stderr
    job_id = done.stdout.split()[2]
    await until(lambda: columns_of(given, job_id, "state"), lambda seen: seen == ("completed",))


async def test_an_unknown_task_and_wrong_arguments_are_refused_in_words(given):
    unknown = await command(given, "run", "noSuchTask")
    unknown_dead = await command(given, "retry", "noSuchTask")
    of_a_caller = await command(given, "run", "verifyAudit")
    wrong = await command(given, "run", SCHEDULES[0], "--args", '{"surprise": 1}')

    assert {done.returncode for done in (unknown, unknown_dead, of_a_caller, wrong)} == {1}
    assert of_a_caller.stderr.startswith("accord: verifyAudit is an operation")
    assert unknown_dead.stderr.startswith("accord: noSuchTask is no task")
    assert unknown.stderr.startswith("accord: noSuchTask is no task")
    assert wrong.stderr.startswith(f"accord: {SCHEDULES[0]}: surprise")


async def test_an_operation_is_refused_as_its_job_needs_a_caller(given):
    done = await command(given, "run", "verifyAudit")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "accord: verifyAudit is an operation: send its request with `Prefer: respond-async`.\n"
