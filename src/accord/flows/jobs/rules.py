"""The rules of jobs: who reads and changes one, and what the journal is told."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from accord.context import JobContext, SignedIn, SignedInContext
from accord.contract.operations import Operation
from accord.contract.tasks import Every
from accord.database.reader import Reader
from accord.flows.jobs import queries
from accord.flows.jobs.problems import AlreadyEnded, NotRetryable, TooManyWaiting
from accord.journal.redaction import redacted
from accord.problems import Forbidden, NotFound, PayloadTooLarge, Problem, VersionConflict
from accord.queue import enqueue, ordering
from accord.queue.slots import DEFAULT, slots_by_queue
from accord.queue.tables import JobRow
from accord.queue.tasks import MAX_ARGS, TooLarge

ASKED = "asked "
"""Begins the unique key of a job that a request alone asked for: no other job has the key, and the row is written now,
so that the response can have the job."""


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
    """Return a job as the caller may see it.

    Arguments, and the texts of exceptions, may name what an owner must not see, and are for operators; but those of an
    operation's job are what a person sent, such as a message that no operator may read. The result and the problem of
    an owner's job are the response to its request, and for that account alone.
    """
    is_operator, attempts = caller.may("jobs:read"), job.attempts[-queries.MAX_ATTEMPTS_SHOWN :]
    args = redacted(job.args) if is_operator and not _is_of_operation(job) else None
    if not is_operator:
        attempts = [attempt | {"error": None} for attempt in attempts]
    if job.owner_id is not None and not owns(caller, job):
        job = job._replace(result=None, problem=None)
    return job._replace(args=args, attempts=attempts)


def _is_of_operation(job: JobRow) -> bool:
    """Return whether `accept` enqueued the job: of those that have an owner, no other has such a key."""
    return job.owner_id is not None and job.unique_key is not None and job.unique_key.startswith(ASKED)


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
    """Let the journal know what a person did with jobs, the next of their order keys run, and a runner wake for it.

    Each job is a change, also one of the system: so every process hears of it, and the one that runs it stops.
    """
    for job in changed:
        context.journal.updated("jobs", job, fields, lists_of_job(job))
    context.jobs.became_ready(*await ordering.unblock_first(context.tx, [job.order_key for job in changed]))


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


class Accepted(NamedTuple):
    """The new job of an operation, and how many jobs stand before it."""

    job: JobRow
    position: int


async def accept(operation: Operation, context: SignedInContext, inputs: Mapping[str, Any]) -> Accepted:
    """Enqueue a job of an operation, which runs it as the caller; raise TooManyWaiting, PayloadTooLarge.

    The lock makes the count exact: of two requests for the last place one gets it. A quarter of the places is left for
    other callers.
    """
    limit = operation.max_waiting
    assert limit is not None
    await queries.lock_waiting_of(context.tx, operation.id)
    owner_id = UUID(context.caller.id)
    task = context.resources.tasks.by_name[operation.id]
    waiting = await queries.count_waiting(context.tx, task, owner_id, limit)
    if waiting.jobs >= limit or waiting.of_owner >= max(limit * 3 // 4, 1):
        raise TooManyWaiting
    given = {name: value for name, value in inputs.items() if value is not None}
    try:
        # Slots go round the callers.
        job_id = await context.jobs.enqueue(
            operation.id, given, unique_key=f"{ASKED}{context.new_id()}", share=context.caller.id, owner_id=owner_id
        )
    except TooLarge:
        raise PayloadTooLarge(f"Nothing was changed. A job takes {MAX_ARGS} bytes; send less, or no Prefer.") from None
    job = await queries.find(context.tx, job_id)
    assert job is not None
    return Accepted(job, await queries.count_before(context.tx, job))


async def run_as_owner(operation: Operation, context: JobContext, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Run the operation as the owner of the job, whose role is that of now; return the response for the job.

    Raises Forbidden when the owner may not do so any more.
    """
    assert context.job.owner_id is not None
    role = await queries.role_of_active_account(context.read, context.job.owner_id)
    if role is None:
        raise Forbidden
    caller = SignedIn.user(str(context.job.owner_id), role, None)
    body = await context.call_as(caller, operation.id, inputs)
    return {"status": operation.success_status, "body": body}
