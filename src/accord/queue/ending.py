"""The end of an attempt: completed in the commit of its work, or given up in a commit of its own.

Each statement demands the version of the claim. A worker whose lease ended finds another version: its commit fails as a
whole, and nothing that the attempt wrote remains.
"""

from typing import Any, NamedTuple, Protocol
from uuid import UUID

import psycopg
from sqlalchemy import BigInteger, Boolean, Double, Text, Uuid, bindparam, column, select, text
from sqlalchemy.dialects.postgresql import JSONB

from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.journal.entries import Journal
from accord.queue import ordering
from accord.queue.enqueue import JobVersion, lists_of
from accord.queue.tables import jobs


class _Cancelled(NamedTuple):
    version: int


def with_attempt(ended_at: str, outcome: str, error: str) -> str:
    """Return the SQL expression of a job's attempts with the one that ends now; the arguments are SQL, too."""
    rfc_3339 = """AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""
    return f"""attempts || jsonb_build_array(jsonb_build_object(
        'startedAt', to_char(COALESCE(started_at, created_at) {rfc_3339}), 'endedAt', to_char({ended_at} {rfc_3339}),
        'outcome', {outcome}, 'error', {error}))"""


_ATTEMPTS = with_attempt("clock_timestamp()", ":outcome", ":error")

# A state of NULL violates the column, so that another version aborts the transaction that the update is part of: the
# update travels with COMMIT, and its count arrives too late to look at.
_COMPLETE = Statement(
    text(
        f"""
UPDATE accord.jobs SET state = CASE WHEN version = :version AND state = 'running' THEN 'completed' END,
    version = version + 1, lease_until = NULL, ended_at = clock_timestamp(), result = NULLIF(:result, 'null'),
    attempts = {_ATTEMPTS}
WHERE id = :id
"""  # noqa: S608 - the expression is ours
    ).bindparams(
        bindparam("id", type_=Uuid),
        bindparam("version", type_=BigInteger),
        bindparam("result", type_=JSONB),
        bindparam("outcome", type_=Text),
        bindparam("error", type_=Text),
    )
)


_GIVE_UP = Statement(
    text(
        f"""
UPDATE accord.jobs SET state = :state, version = version + 1, lease_until = NULL,
    is_ready = :waits AND CAST(:delay AS double precision) <= 0,
    run_at = CASE WHEN :waits THEN clock_timestamp() + make_interval(secs => CAST(:delay AS double precision))
        ELSE run_at END,
    ended_at = CASE WHEN :waits THEN NULL ELSE clock_timestamp() END, problem = NULLIF(:problem, 'null'),
    attempt = CASE WHEN :counts THEN attempt ELSE GREATEST(attempt - 1, 0) END,
    attempts = CASE WHEN :counts THEN {_ATTEMPTS} ELSE attempts END
WHERE id = :id AND version = :version
RETURNING id, version
"""  # noqa: S608 - the expression is ours
    )
    .bindparams(
        bindparam("id", type_=Uuid),
        bindparam("version", type_=BigInteger),
        bindparam("state", type_=Text),
        bindparam("delay", type_=Double),
        bindparam("outcome", type_=Text),
        bindparam("error", type_=Text),
        bindparam("problem", type_=JSONB),
        *(bindparam(name, type_=Boolean) for name in ("waits", "counts")),
    )
    .columns(column("id", Uuid), column("version", BigInteger)),
    JobVersion,
)
_CANCELLED = Statement(
    select(jobs.c.version).where(
        jobs.c.id == bindparam("id"), jobs.c.version == bindparam("version"), jobs.c.state == "cancelled"
    ),
    _Cancelled,
)


class Attempted(Protocol):
    """A job of which an attempt ends."""

    @property
    def id(self) -> UUID: ...
    @property
    def task(self) -> str: ...
    @property
    def queue(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def version(self) -> int: ...
    @property
    def owner_id(self) -> UUID | None: ...
    @property
    def order_key(self) -> str | None: ...


class GivenUp(NamedTuple):
    """How an attempt ended that did not complete; `state` is the job's next one, `delay` the seconds until then."""

    state: str
    outcome: str
    error: str | None = None
    delay: float = 0.0
    counts: bool = True
    problem: dict[str, Any] | None = None
    """The document of the problem, for the owner."""


def complete(tx: Transaction, journal: Journal, job: Attempted, result: Any = None) -> None:
    """End the job with the commit of its work; the commit fails when this attempt no longer holds the job."""
    ordering.lock_with_commit(tx, job.order_key)
    tx.with_commit(_COMPLETE, id=job.id, version=job.version, result=result, outcome="ok", error=None)
    ordering.unblock_with_commit(tx, job.order_key)
    _tell_owner(journal, job, job.version + 1, "completed")


async def give_up(tx: Transaction, journal: Journal, job: Attempted, how: GivenUp) -> bool:
    """End an attempt that did not complete; return False when it no longer holds the job, and nothing changes."""
    waits = how.state != "dead"
    if not waits:
        await ordering.lock(tx, [job.order_key])
    ended = await tx.one(
        _GIVE_UP,
        id=job.id,
        version=job.version,
        state=how.state,
        delay=how.delay,
        outcome=how.outcome,
        error=how.error,
        problem=how.problem,
        waits=waits,
        counts=how.counts,
    )
    if ended is None:
        return False
    if not waits:
        ordering.unblock_with_commit(tx, job.order_key)
        known = {"version": ended.version, "task": job.task, "queue": job.queue}
        told = {"event": "job.dead", **known, "error": how.error}
        journal.event("jobs", job.id, told)
    _tell_owner(journal, job, ended.version, how.state)
    return True


async def was_cancelled(read: Reader, job: Attempted) -> bool:
    """Return whether the attempt, which no longer holds its job, was cancelled and did not lose its lease."""
    return await read.one(_CANCELLED, id=job.id, version=job.version + 1) is not None


def lost_its_lease(error: BaseException) -> bool:
    """Return whether a commit failed because the attempt no longer holds its job."""
    return (
        isinstance(error, psycopg.errors.NotNullViolation)
        and error.diag.table_name == "jobs"
        and error.diag.column_name == "state"
    )


def _tell_owner(journal: Journal, job: Attempted, version: int, state: str) -> None:
    if job.owner_id is not None:
        journal.updated("jobs", JobVersion(job.id, version), {"state": state}, lists_of(job.owner_id))
