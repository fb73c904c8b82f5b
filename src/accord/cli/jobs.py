"""`accord jobs list`, `accord jobs retry` and `accord jobs run`."""

import argparse
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import orjson

from accord import clock
from accord.boot import clock as database_clock
from accord.cli.parser import Parser, subcommands
from accord.cli.startup import add_data_dir, load_settings, run
from accord.context import new_id
from accord.contract import bundle
from accord.contract.tasks import tasks
from accord.contract.times import parse_time, timestamp
from accord.database.database import Database
from accord.database.migrations import runner
from accord.database.transaction import Transaction
from accord.embedded.address import database_address, refuse_missing
from accord.flows.jobs import queries, rules
from accord.journal.entries import Actor, Journal
from accord.problems import CannotStart
from accord.queue.enqueue import Jobs
from accord.queue.tables import STATES, JobRow
from accord.queue.tasks import Tasks, UnknownTask, WrongArguments

MAX_LISTED = 1000
MAX_RETRIED = 1000
Work = Callable[[Database], Awaitable[int]]


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
    return _with_database(chosen, lambda database: list_jobs(database, filters, chosen.limit))


def _retry(chosen: argparse.Namespace) -> int:
    return _with_database(chosen, lambda database: retry_jobs(database, chosen.task, chosen.dead_after, chosen.limit))


def _run(chosen: argparse.Namespace) -> int:
    return _with_database(chosen, lambda database: run_task(database, chosen.task, chosen.args))


def _with_database(chosen: argparse.Namespace, work: Work) -> int:
    settings = load_settings(chosen)
    refuse_missing(settings)
    with database_address(settings) as url:
        runner.refuse_behind(runner.current(url))
        return run(_opened(url, work))


async def _opened(url: str, work: Work) -> int:
    database = Database(url, 1)
    await database.open()
    try:
        await database_clock.learn(database)
        return await work(database)
    finally:
        await database.close()


async def list_jobs(database: Database, filters: dict[str, Any], limit: int) -> int:
    """Print a line for each job that fits the filters, newest first."""
    for job in await queries.page(database, filters, None, limit):
        print(_line(job))
    return 0


def _line(job: JobRow) -> str:
    error = next((attempt["error"] for attempt in reversed(job.attempts) if attempt["error"]), "")
    words = error.splitlines()[0] if error else ""
    return f"{timestamp(job.created_at)}  {job.id}  {job.state:<9}  {job.queue}  {job.task}  {words}".rstrip()


async def retry_jobs(database: Database, task: str, dead_after: datetime | None, limit: int) -> int:
    """Queue the dead jobs of a task again, as the operation `retryJobs` does, and print how many."""
    tx, journal = Transaction(database), _journal("retryJobs")
    queued = await queries.retry_dead(tx, task, dead_after, limit, clock.now())
    await rules.note(tx, journal, queued, {"state": "queued"})
    await _commit(tx, journal)
    print(f"{len(queued)} jobs of {task} are queued again.")
    return 0


async def run_task(database: Database, task: str, args: dict[str, Any]) -> int:
    """Enqueue a job of a task, and print its id."""
    tx, journal = Transaction(database), _journal("runTask")
    known = Tasks(tasks(bundle.load()))
    jobs = Jobs(known, tx, journal, "accord jobs run", None, new_id=new_id, now=clock.now)
    try:
        job_id = await jobs.enqueue(task, args)
    except (UnknownTask, WrongArguments) as wrong:
        raise CannotStart(str(wrong)) from wrong
    journal.event("jobs", job_id, {"event": "job.asked", "task": task})
    await _commit(tx, journal)
    print(f"The job {job_id} is enqueued.")
    return 0


def _journal(operation: str) -> Journal:
    return Journal(Actor("system", None), operation, "accord jobs")


async def _commit(tx: Transaction, journal: Journal) -> None:
    journal.append(tx)
    await tx.commit()
