"""`accord jobs list`, `accord jobs retry` and `accord jobs run`."""

import argparse
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from accord.boot.commands import command_resources, committed
from accord.cli.parser import Parser, subcommands
from accord.cli.startup import add_data_dir, load_settings, run
from accord.context import SYSTEM, Context, RequestInfo, Resources, SignedInContext
from accord.contract.times import parse_time, timestamp
from accord.contract.types import RetryJobs
from accord.database.migrations import runner
from accord.embedded.address import database_address, refuse_missing
from accord.flows.jobs import queries
from accord.flows.jobs.retry_jobs import retry_jobs
from accord.problems import CannotStart
from accord.queue.tables import STATES, JobRow
from accord.queue.tasks import UnknownTask, WrongArguments
from accord.settings import Settings

MAX_LISTED = 1000
MAX_RETRIED = 1000
Work = Callable[[Resources], Awaitable[int]]


def define(command: Parser) -> None:
    """Add the commands."""
    commands = subcommands(command)
    listing = commands.add_parser("list", help="show jobs, newest first")
    listing.set_defaults(run=_list)
    listing.add_argument("--state", choices=STATES)
    listing.add_argument("--queue")
    listing.add_argument("--task")
    listing.add_argument("--limit", type=_number(MAX_LISTED), default=20, help="the most jobs to show; 20 by default")
    retrying = commands.add_parser("retry", help="run the dead jobs of a task again")
    retrying.set_defaults(run=_retry)
    retrying.add_argument("task")
    retrying.add_argument("--dead-after", type=_time, help="only jobs that died since, such as 2026-01-31T09:30:00Z")
    retrying.add_argument("--limit", type=_number(MAX_RETRIED), default=MAX_RETRIED, help="the most jobs to run again")
    running = commands.add_parser("run", help="enqueue a job, which a running process then runs")
    running.set_defaults(run=_run)
    running.add_argument("task")
    running.add_argument("--args", type=_object, default={}, help="the arguments as a JSON object")
    for each in (listing, retrying, running):
        add_data_dir(each)


def _number(highest: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= highest:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {highest}")
        return int(text)

    return number


def _time(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-01-31T09:30:00Z") from None


def _object(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f'{text!r} is no JSON object such as {{"userId": "…"}}')
    return value


def _list(chosen: argparse.Namespace) -> int:
    given = {"state": chosen.state, "queue": chosen.queue, "task": chosen.task}
    filters = {name: value for name, value in given.items() if value is not None}
    return _with_resources(chosen, lambda resources: list_jobs(resources, filters, chosen.limit))


def _retry(chosen: argparse.Namespace) -> int:
    return _with_resources(
        chosen, lambda resources: retry_dead(resources, chosen.task, chosen.dead_after, chosen.limit)
    )


def _run(chosen: argparse.Namespace) -> int:
    return _with_resources(chosen, lambda resources: enqueue_job(resources, chosen.task, chosen.args))


def _with_resources(chosen: argparse.Namespace, work: Work) -> int:
    settings = load_settings(chosen)
    refuse_missing(settings)
    with database_address(settings) as url:
        runner.refuse_behind(runner.current(url))
        return run(_opened(settings, url, work))


async def _opened(settings: Settings, url: str, work: Work) -> int:
    async with command_resources(settings, url) as resources:
        return await work(resources)


async def list_jobs(resources: Resources, filters: dict[str, Any], limit: int) -> int:
    """Print a line for each job that fits the filters, newest first."""
    found = await queries.page(resources.database, filters, None, limit)
    for job in found:
        print(_line(job))
    if not found:
        print("No job fits.", file=sys.stderr)
    return 0


def _line(job: JobRow) -> str:
    error = next((attempt["error"] for attempt in reversed(job.attempts) if attempt["error"]), "")
    words = error.splitlines()[0] if error else ""
    at = job.run_at if job.state in {"scheduled", "retrying"} else job.created_at
    return f"{timestamp(at)}  {job.id}  {job.state:<9}  {job.queue}  {job.task}  {words}".rstrip()


async def retry_dead(resources: Resources, task: str, dead_after: datetime | None, limit: int) -> int:
    """Queue the dead jobs of a task again, as the operation `retryJobs` does, and print how many."""
    body = RetryJobs(task=task, limit=limit)
    if dead_after is not None:
        body["deadAfter"] = timestamp(dead_after)
    context = SignedInContext(resources, "retryJobs", SYSTEM, RequestInfo("accord jobs retry"))
    done = await committed(context, retry_jobs(context, body))
    # Dead jobs of a task that left the contract may be there.
    if not done["retried"] and task not in resources.tasks.by_name:
        raise CannotStart(f"{task} is no task, and no job has its name.")
    print(f"{done['retried']} jobs of {task} are queued again.")
    return 0


async def enqueue_job(resources: Resources, task: str, args: dict[str, Any]) -> int:
    """Enqueue a job of a task, and print its id; the job of an operation has a caller, and no command is any."""
    if task in resources.tasks.by_name and resources.tasks.by_name[task].is_operation:
        raise CannotStart(f"{task} is an operation: send its request with `Prefer: respond-async`.")
    context = Context(resources, "enqueueJob", SYSTEM, RequestInfo("accord jobs run"))
    try:
        job_id = await committed(context, _enqueued(context, task, args))
    except (UnknownTask, WrongArguments) as wrong:
        raise CannotStart(str(wrong)) from wrong
    print(f"The job {job_id} is enqueued.")
    return 0


async def _enqueued(context: Context, task: str, args: dict[str, Any]) -> UUID:
    job_id = await context.jobs.enqueue(task, args)
    context.journal.event("jobs", job_id, {"event": "job.enqueued", "task": task})
    return job_id
