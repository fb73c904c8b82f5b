"""One attempt of a job: run the flow, and end the job in the commit of its work, or record why it did not end."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from accord.context import JobContext, RequestInfo, Resources
from accord.contract.names import snake_case
from accord.contract.tasks import Task
from accord.database.transaction import NotBegun
from accord.dispatch import run_to_commit
from accord.jobs.cancellation import cancelled_from_outside_alone
from accord.problems import DeadlineExceeded, Deadlock, InternalError, Problem, problem_document
from accord.queue import ending
from accord.queue.claiming import Claimed, Lost
from accord.queue.ending import GivenUp
from accord.queue.outcomes import Dead, Later
from accord.queue.running import RunningJob
from accord.telemetry import logs

MAX_ERROR = 2048
"""The most bytes of an attempt's error."""
JITTER = 0.3
"""The part of a wait that chance adds at most, so that jobs which failed together are not tried together."""
FIRST_SERVER_ERROR = 500
SUPERSEDED, SHUTDOWN = "superseded", "shutdown"
"""Why a running attempt is cancelled: it no longer holds the job, or the process stops."""
RETRY_INTERVAL = 0.5
"""Seconds between tries to record an end while PostgreSQL is away, and until a lost deadlock is tried again."""

JobFlow = Callable[..., Awaitable[Any]]
Observe = Callable[[str, float], None]


@dataclass(slots=True)
class Attempt:
    """A running attempt, and why it was cancelled."""

    job: Claimed
    task: Task
    running: asyncio.Task[None] | None = None
    cancelled_for: str | None = None
    has_begun: bool = False
    """Whether its task made a step: one that is cancelled before that would never give its slot free."""
    has_ended: bool = False
    """Whether the flow is over, and its end is being recorded: nothing is left to cancel."""
    limit: asyncio.Timeout | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def is_renewed(self) -> bool:
        """Say whether there is time left: a flow that goes on after its time, whatever it catches, loses its lease."""
        return self.limit is None or not self.limit.expired()

    def begin(self) -> None:
        """Make the first step; raise CancelledError when the attempt was cancelled before it."""
        self.has_begun = True
        if self.cancelled_for is not None:
            raise asyncio.CancelledError

    def cancel(self, reason: str) -> None:
        """Cancel the flow, if it is not over; what it wrote is rolled back."""
        if self.cancelled_for is None and self.running is not None and not self.has_ended:
            self.cancelled_for = reason
            if self.has_begun:
                self.running.cancel()


class _NotHeld(Exception):
    """The attempt no longer holds its job."""


async def run_attempt(resources: Resources, flow: JobFlow, attempt: Attempt, lease: float) -> str:
    """Run the flow once, and record the end; return the outcome for metrics."""
    job, context = attempt.job, _context(resources, attempt.job)
    try:
        end = await _run_once(context, flow, attempt)
    finally:
        attempt.has_ended = True
        await _rolled_back(context)
    if isinstance(end, str):
        return end
    # The lease is renewed meanwhile, so the time is counted from here.
    if end is None or not await record(resources, job, end, until=time.monotonic() + lease):
        return await _taken_away(resources, job)
    return end.outcome


async def _run_once(context: JobContext, flow: JobFlow, attempt: Attempt) -> GivenUp | str | None:
    """Run the flow; return the outcome that is committed, the end to record, or None when the job is not held."""
    job = attempt.job
    attempt.limit = limit = asyncio.timeout(attempt.task.timeout_seconds)
    try:
        attempt.begin()
        async with limit:
            return await run_to_commit(context, _ended(context, flow, attempt))
    except asyncio.CancelledError:
        if attempt.cancelled_for is None:
            raise
        _uncancel()
        return None if attempt.cancelled_for == SUPERSEDED else _waiting(job, SHUTDOWN)
    except (Later, Deadlock) as later:
        # The attempt that lost a deadlock wrote nothing and made no mistake, as in dispatch.
        return _waiting(job, "later", later.seconds if isinstance(later, Later) else RETRY_INTERVAL)
    except _NotHeld:
        return None
    except Exception as error:  # noqa: BLE001 - the job is tried again, and the log has the reason
        if ending.lost_its_lease(error):
            return None
        how = given_up(job, attempt.task, error, timed_out=limit.expired())
        _log(job, error, how)
        return how


async def record(resources: Resources, job: Claimed | Lost, how: GivenUp, *, until: float) -> bool:
    """Record an end, trying again while PostgreSQL is away; return False when the job was no longer held."""
    while True:
        context = _context(resources, job)
        try:
            return await run_to_commit(context, ending.give_up(context.tx, context.journal, job, how))
        except Problem as problem:
            if time.monotonic() > until:
                logs.warning("The end of a job could not be recorded.", job=str(job.id), reason=problem.code)
                return False
        finally:
            await _rolled_back(context)
        await asyncio.sleep(RETRY_INTERVAL)


def given_up(job: Claimed | Lost, task: Task, error: Exception | None, *, timed_out: bool = False) -> GivenUp:
    """Return how the job goes on after an attempt that failed; without an error its lease was lost.

    A problem that the contract declares, below 500, is a decision, like Dead: the job is dead at once.
    """
    outcome = "lost" if error is None else "timeout" if timed_out else "failed"
    text = None if error is None else told(error, task if timed_out else None)
    is_decided = isinstance(error, Dead) or (isinstance(error, Problem) and error.status < FIRST_SERVER_ERROR)
    if is_decided or job.attempt >= task.max_attempts:
        return GivenUp("dead", outcome, text, problem=_problem(job, error, timed_out=timed_out))
    # A lost job ran on a process that died: its next attempt need not wait.
    delay = 0.0 if error is None else task.backoff(job.attempt) * (1 + JITTER * random.random())  # noqa: S311
    return GivenUp("retrying", outcome, text, delay)


def told(error: Exception, timed_out: Task | None = None) -> str:
    """Return the error for people: class and message, without secrets, of at most MAX_ERROR bytes."""
    if timed_out is not None:
        return f"The attempt took longer than {timed_out.timeout_seconds} s."
    text = f"{error.code}: {error.detail}" if isinstance(error, Problem) else f"{type(error).__name__}: {error}"
    told_bytes = str(logs.redacted(text)).encode(errors="backslashreplace")[:MAX_ERROR]
    return told_bytes.decode(errors="ignore").replace("\0", "")


def _problem(job: Claimed | Lost, error: Exception | None, *, timed_out: bool) -> dict[str, Any] | None:
    """Return what the owner of a dead job is told, as a response would; it is never the text of an exception."""
    if job.owner_id is None:
        return None
    problem = error if isinstance(error, Problem) else DeadlineExceeded() if timed_out else InternalError()
    extensions = {"title": problem.title, **problem.extra}
    place = f"/api/v1/jobs/{job.id}"
    return problem_document(problem.status, problem.code, problem.detail, extensions, job.request_id, place)


async def _ended(context: JobContext, flow: JobFlow, attempt: Attempt) -> str:
    """Run the flow, and end the job in the commit of what the flow wrote; return the outcome."""
    job = attempt.job
    inputs: Mapping[str, Any] = {snake_case(name): value for name, value in job.args.items()}
    try:
        result = await cancelled_from_outside_alone(flow(context, **inputs), job.task)
    except Dead as dead:
        how = given_up(job, attempt.task, dead)
        try:
            is_held = await ending.give_up(context.tx, context.journal, job, how)
        except (NotBegun, psycopg.errors.InFailedSqlTransaction):
            # A statement failed before, so the flow has no writes that could be committed.
            raise dead from None
        if not is_held:
            raise _NotHeld from dead
        _log(job, dead, how)
        return how.outcome
    ending.complete(context.tx, context.journal, job, result)
    return "ok"


def _context(resources: Resources, job: Claimed | Lost) -> JobContext:
    traceparent = job.traceparent if isinstance(job, Claimed) else None
    running = RunningJob(job.id, job.task, job.attempt, job.owner_id)
    return JobContext(resources, running, RequestInfo(job.request_id, traceparent=traceparent))


def _waiting(job: Claimed, outcome: str, delay: float = 0.0) -> GivenUp:
    """Return the end of an attempt that does not count."""
    state = "retrying" if job.attempt > 1 else "scheduled" if delay > 0 else "queued"
    return GivenUp(state, outcome, None, delay, counts=False)


async def _taken_away(resources: Resources, job: Claimed) -> str:
    """Return the outcome of an attempt that no longer holds its job."""
    try:
        is_cancelled = await ending.was_cancelled(resources.database.background, job)
    except Problem:
        return "lost"
    return "cancelled" if is_cancelled else "lost"


async def _rolled_back(context: JobContext) -> None:
    try:
        await context.rollback()
    except Problem as problem:
        logs.debug("The transaction of a job was rolled back by the server.", reason=problem.code)


def _uncancel() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()


def _log(job: Claimed, error: Exception, how: GivenUp) -> None:
    fields = {"job": str(job.id), "task": job.task, "attempt": job.attempt, "state": how.state}
    if isinstance(error, Problem | Dead | TimeoutError):
        logs.warning("An attempt of a job failed.", reason=how.error, **fields)
    else:
        logs.exception("An attempt of a job failed.", error, **fields)
