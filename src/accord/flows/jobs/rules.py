"""The rules of jobs: who reads and changes one, and what the journal is told."""

from collections.abc import Sequence
from typing import Any

from accord.context import SignedIn, SignedInContext
from accord.database.reader import Reader
from accord.flows.jobs import queries
from accord.flows.jobs.problems import AlreadyEnded, NotRetryable
from accord.problems import NotFound, Problem, VersionConflict
from accord.queue import enqueue, ordering
from accord.queue.tables import JobRow


def owns(caller: SignedIn, job: JobRow) -> bool:
    """Return whether the caller owns the job; a job of the system has no owner."""
    return str(job.owner_id) == caller.id


async def reachable_job(context: SignedInContext, job_id: str, permission: str) -> JobRow:
    """Return the caller's own job, or any with the permission; another is not found, like one that does not exist."""
    found = await queries.find(context.read, job_id)
    if found is None or not (owns(context.caller, found) or context.caller.may(permission)):
        raise NotFound
    return found


async def readable_jobs(read: Reader, caller: SignedIn, ids: Sequence[str]) -> list[JobRow]:
    """Return the named jobs that the caller may read, for flows that read many records at once."""
    found = await queries.find_all(read, ids)
    return [job for job in found if owns(caller, job) or caller.may("jobs:read")]


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
    """Let the journal know what a person did with jobs, and the next of their order keys run.

    Each job is a change, also one of the system: so every process hears of it, and the one that runs it stops.
    """
    for job in changed:
        context.journal.updated("jobs", job, fields, lists_of_job(job))
    context.jobs.queues |= await ordering.unblock_first(context.tx, [job.order_key for job in changed])
