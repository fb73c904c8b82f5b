"""The rules of jobs: who reads and changes one, and what the journal is told."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from accord.context import SignedIn, SignedInContext
from accord.contract.tasks import Every
from accord.database.reader import Reader
from accord.database.transaction import Transaction
from accord.flows.jobs import queries
from accord.flows.jobs.problems import AlreadyEnded, NotRetryable
from accord.journal.entries import Journal
from accord.journal.redaction import redacted
from accord.problems import NotFound, Problem, VersionConflict
from accord.queue import enqueue, ordering
from accord.queue.slots import DEFAULT, slots_by_queue
from accord.queue.tables import JobRow


def owns(caller: SignedIn, job: JobRow) -> bool:
    """Return whether the caller owns the job; a job of the system has no owner."""
    return str(job.owner_id) == caller.id


async def reachable_job(context: SignedInContext, job_id: str, permission: str) -> JobRow:
    """Return the caller's own job, or any with the permission; another is not found, like one that does not exist."""
    found = await queries.find(context.read, job_id)
    if found is None or not (context.caller.may(permission) or owns(context.caller, found)):
        raise NotFound
    return found


async def readable_jobs(read: Reader, caller: SignedIn, ids: Sequence[str]) -> list[JobRow]:
    """Return the named jobs that the caller may read, for flows that read many records at once."""
    found = await queries.find_all(read, ids)
    return [as_seen_by(caller, job) for job in found if caller.may("jobs:read") or owns(caller, job)]


def as_seen_by(caller: SignedIn, job: JobRow) -> JobRow:
    """Return a job as the caller may see it: arguments may name what an owner must not see, and are for operators."""
    args = redacted(job.args) if caller.may("jobs:read") else None
    return job._replace(args=args, attempts=job.attempts[-queries.MAX_ATTEMPTS_SHOWN :])


def lists_of_job(job: JobRow) -> list[str]:
    """Return the live keys of the lists that a job is in: the list of its owner."""
    return [] if job.owner_id is None else enqueue.lists_of(job.owner_id)


async def why_not_cancelled(context: SignedInContext, job: JobRow, expected: int) -> Problem:
    """Return the problem of a job that could not be cancelled at this version."""
    current = await _current(context, job, expected)
    return current if isinstance(current, Problem) else AlreadyEnded()


async def why_not_retried(context: SignedInContext, job: JobRow, expected: int) -> Problem:
    """Return the problem of a job that could not be run again at this version."""
    current = await _current(context, job, expected)
    return current if isinstance(current, Problem) else NotRetryable()


async def _current(context: SignedInContext, job: JobRow, expected: int) -> JobRow | Problem:
    current = await queries.find(context.tx, job.id)
    if current is None:
        return NotFound()
    return current if current.version == expected else VersionConflict(current.version, expected, table="jobs")


async def acted(context: SignedInContext, changed: Sequence[JobRow], fields: dict[str, Any]) -> None:
    """Let the journal know what a person did with jobs, the next of their order keys run, and a runner wake for it."""
    context.jobs.queues |= await note(context.tx, context.journal, changed, fields)


async def note(tx: Transaction, journal: Journal, changed: Sequence[JobRow], fields: dict[str, Any]) -> set[str]:
    """Let the journal know of changed jobs, and the next of their order keys run; return the queues of those.

    Each job is a change, also one of the system: so every process hears of it, and the one that runs it stops.
    """
    for job in changed:
        journal.updated("jobs", job, fields, lists_of_job(job))
    return await ordering.unblock_first(tx, [job.order_key for job in changed])


class Named(NamedTuple):
    """The id that a queue or a schedule has in the journal, made of the table and the name, and its version."""

    id: UUID
    version: int


def named(table: str, name: str, version: int) -> Named:
    """Return the id of a queue or a schedule in the journal, always the same, with its version."""
    return Named(uuid5(NAMESPACE_URL, f"accord:{table}/{name}"), version)


async def queues(context: SignedInContext) -> dict[str, tuple[int, queries.QueueRow | None]]:
    """Return every queue that tasks, QUEUES or operators name: its slots, and what an operator chose."""
    configured = slots_by_queue(context.resources.tasks.by_name.values(), context.settings.queues or {})
    rows = {row.name: row for row in await queries.all_queues(context.read)}
    names = sorted(configured.keys() | rows.keys())
    return {name: (configured.get(name, DEFAULT).all, rows.get(name)) for name in names}


def schedules(context: SignedInContext) -> dict[str, Every]:
    """Return the tasks that have a schedule, by name."""
    tasks = context.resources.tasks.by_name
    return {name: every for name in sorted(tasks) if (every := tasks[name].every) is not None}


def schedule(context: SignedInContext, name: str) -> Every:
    """Return the schedule of a task; raise NotFound for a task without one."""
    every = schedules(context).get(name)
    if every is None:
        raise NotFound
    return every
