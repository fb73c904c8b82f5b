"""The tables of the queue: jobs, what operators set for queues, and schedules."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from accord.database.schema import id_column, metadata, timestamp, version

WAITING = ("scheduled", "queued", "retrying")
"""The states of a job that has not begun its next attempt."""
UNENDED = (*WAITING, "running")
ENDED = ("completed", "dead", "cancelled")
STATES = (*UNENDED, *ENDED)


def _listed(states: tuple[str, ...]) -> str:
    return ", ".join(f"'{state}'" for state in states)


IS_UNENDED = text(f"state IN ({_listed(UNENDED)})")
IS_WAITING = text(f"state IN ({_listed(WAITING)})")
IS_UNIQUE = text(f"unique_key IS NOT NULL AND {IS_UNENDED.text}")
IS_ORDERED = text(f"order_key IS NOT NULL AND {IS_UNENDED.text}")
IS_CLAIMABLE = text("is_ready AND NOT is_blocked")
HAS_OUTCOME = text("owner_id IS NOT NULL AND ended_at IS NOT NULL AND (result IS NOT NULL OR problem IS NOT NULL)")

_NOW = text("clock_timestamp()")


def _no_text(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False, server_default="")


jobs = Table(
    "jobs",
    metadata,
    id_column(),
    # Drawn at the commit, under the lock of the order key: jobs of one key run in this order.
    Column("sequence", BigInteger, Identity(always=True), nullable=False),
    Column("task", Text, nullable=False),
    Column("queue", Text, nullable=False),
    # Without a check: PostgreSQL would prepare it anew for each statement, a quarter of the time of an enqueue.
    Column("state", Text, nullable=False),
    # Whether its time has come, and whether an earlier job of its order key has not ended: two columns, so that the
    # index of a claim holds claimable jobs only, however many others wait.
    Column("is_ready", Boolean, nullable=False),
    Column("is_blocked", Boolean, nullable=False, server_default=text("false")),
    Column("priority", Integer, nullable=False, server_default="0"),
    timestamp("run_at"),
    _no_text("share"),
    Column("order_key", Text),
    Column("unique_key", Text),
    Column("owner_id", Uuid),
    Column("request_id", Text, nullable=False),
    Column("traceparent", Text),
    Column("args", JSONB, nullable=False),
    # Attempts that count against `max_attempts` of the task. The version, which every change of the state raises, is
    # the fencing token: a worker whose lease ended has an old one.
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("attempts", JSONB, nullable=False, server_default="[]"),
    # The lease of a running job; see `queue.claiming` for the clock that is set back.
    timestamp("lease_until", nullable=True),
    Column("lease_seconds", Integer, nullable=False, server_default="0"),
    _no_text("worker"),
    # For the owner of the job, for a day; see `queue.retention`.
    Column("result", JSONB),
    Column("problem", JSONB),
    version(),
    Column("created_at", timestamp("at").type, nullable=False, server_default=_NOW),
    timestamp("started_at", nullable=True),
    timestamp("ended_at", nullable=True),
    # A change of the state moves a job from one partial index to another, so a fillfactor gains nothing. The vacuum has
    # PostgreSQL's settings: where it is off, a claim takes 0.03 ms longer for each 10,000 jobs that were done.
    Index("jobs_claimable_idx", "queue", text("priority DESC"), "share", "run_at", "id", postgresql_where=IS_CLAIMABLE),
    Index(
        "jobs_later_idx",
        "run_at",
        postgresql_where=text(f"NOT is_ready AND {IS_WAITING.text}"),
    ),
    Index("jobs_unique_idx", "task", "unique_key", unique=True, postgresql_where=IS_UNIQUE),
    # The end of a job asks whether another of its key may run, and for the first that is blocked.
    Index("jobs_order_idx", "order_key", "is_blocked", "sequence", postgresql_where=IS_ORDERED),
    Index("jobs_owner_idx", "owner_id", "id", postgresql_where=text("owner_id IS NOT NULL")),
    Index("jobs_ended_idx", "state", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    Index("jobs_outcome_idx", "ended_at", postgresql_where=HAS_OUTCOME),
    # Every filter of listJobs, and every count, is a walk over the few kinds of jobs at the front of this index. A
    # claim finds the running jobs of its queue there.
    Index("jobs_listed_idx", "state", "queue", "task", "created_at", "id"),
    Index("jobs_ready_idx", "queue", "run_at", postgresql_where=IS_CLAIMABLE),
)


class JobRow(NamedTuple):
    """A row of `jobs`; `attempts` are `{startedAt, endedAt, outcome, error}`, the times as RFC 3339."""

    id: UUID
    sequence: int
    task: str
    queue: str
    state: str
    is_ready: bool
    is_blocked: bool
    priority: int
    run_at: datetime
    share: str
    order_key: str | None
    unique_key: str | None
    owner_id: UUID | None
    request_id: str
    traceparent: str | None
    args: dict[str, Any]
    attempt: int
    attempts: list[dict[str, Any]]
    lease_until: datetime | None
    lease_seconds: int
    worker: str
    result: dict[str, Any] | None
    problem: dict[str, Any] | None
    version: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


# The choices of operators; a queue without a row has the slots of QUEUES.
queues = Table(
    "queues",
    metadata,
    Column("name", Text, primary_key=True),
    Column("slots", Integer),
    Column("paused", Boolean, nullable=False, server_default=text("false")),
    version(),
    Column("updated_at", timestamp("at").type, nullable=False, server_default=_NOW),
)

schedules = Table(
    "schedules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("paused", Boolean, nullable=False, server_default=text("false")),
    # The newest due time that was run, or skipped.
    timestamp("last_due_at", nullable=True),
    Column("last_job_id", Uuid),
    Column("skipped", BigInteger, nullable=False, server_default="0"),
    version(),
    Column("updated_at", timestamp("at").type, nullable=False, server_default=_NOW),
)
