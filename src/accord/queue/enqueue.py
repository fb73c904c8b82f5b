"""Enqueueing: a job is a row that is written with the commit of its flow, so the job exists exactly when the row does.

No trigger runs and nothing is notified in the commit: a hint after it wakes a runner, and runners poll as well.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, and_, bindparam, cast, exists, func, literal, select
from sqlalchemy.dialects.postgresql import Insert, insert

from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.journal.entries import Journal
from accord.problems import TooFarAhead
from accord.queue.tables import IS_ORDERED, IS_UNIQUE, jobs
from accord.queue.tasks import Tasks

ORDER_LOCK = 0x4F52_4445
"""The class of the advisory locks of order keys ("ORDE" in ASCII)."""

MAX_AHEAD = timedelta(days=365)
"""How far ahead `run_at` may be."""


class JobVersion(NamedTuple):
    """A job at a version, as its journal entries name it."""

    id: UUID
    version: int


class _Id(NamedTuple):
    id: UUID


_order_key = cast(bindparam("order_key"), Text)
_state = cast(bindparam("state"), Text)
# The lock makes the sequence follow the commits, and lets the end of the job before see this one.
LOCK_ORDER = Statement(select(func.pg_advisory_xact_lock(ORDER_LOCK, func.hashtext(_order_key))))
_values = {
    "state": _state,
    "is_ready": _state == "queued",
    "run_at": func.coalesce(cast(bindparam("run_at"), jobs.c.run_at.type), func.clock_timestamp()),
    **{
        name: bindparam(name)
        for name in (
            "id",
            "task",
            "queue",
            "priority",
            "share",
            "unique_key",
            "owner_id",
            "request_id",
            "traceparent",
            "args",
        )
    },
}
_earlier = exists(select(literal(1)).select_from(jobs).where(and_(jobs.c.order_key == _order_key, IS_ORDERED)))
# PostgreSQL would plan one statement for both anew each time: without an order key that looks cheaper than to keep a
# plan that asks for earlier jobs, and takes longer than to run it.
_insert = insert(jobs).values(_values)
_insert_ordered = insert(jobs).values(_values | {"order_key": _order_key, "is_blocked": _earlier})


def _or_find(adding: Insert) -> Statement[_Id]:
    """Return a statement whose update changes nothing: it returns the job that is there, or that is being added."""
    return Statement(
        adding.on_conflict_do_update(
            index_elements=[jobs.c.task, jobs.c.unique_key],
            index_where=IS_UNIQUE,
            set_={"unique_key": adding.excluded.unique_key},
        ).returning(jobs.c.id),
        _Id,
    )


_ADD, _ADD_ORDERED = Statement(_insert.inline()), Statement(_insert_ordered.inline())
_ADD_OR_FIND, _ADD_ORDERED_OR_FIND = _or_find(_insert), _or_find(_insert_ordered)


def lists_of(owner_id: UUID) -> list[str]:
    """Return the live keys of the lists that show a job of this owner."""
    return [f"getList:{owner_id}:jobs"]


LISTS_OF_OWNER = r"ARRAY['getList:' || owner_id || '\:jobs']"
"""The same as SQL, of the column `owner_id`."""


class Jobs:
    """Enqueues the jobs of one flow."""

    __slots__ = ("_journal", "_new_id", "_now", "_request_id", "_tasks", "_traceparent", "_tx", "queues")

    def __init__(
        self,
        tasks: Tasks,
        tx: Transaction,
        journal: Journal,
        request_id: str,
        traceparent: str | None,
        *,
        new_id: Callable[[], UUID],
        now: Callable[[], datetime],
    ) -> None:
        """Take the tasks, the flow's transaction, and what its jobs are marked with."""
        self._tasks = tasks
        self._tx = tx
        self._journal = journal
        self._request_id, self._traceparent = request_id, traceparent
        self._new_id, self._now = new_id, now
        self.queues: set[str] = set()
        """The queues in which jobs may run from the commit on."""

    def became_ready(self, *queues: str) -> None:
        """Wake a runner after the commit: jobs of these queues may run from then on."""
        self.queues.update(queues)

    async def enqueue(
        self,
        task: str,
        args: Mapping[str, Any] | None = None,
        *,
        run_at: datetime | None = None,
        priority: int = 0,
        unique_key: str | None = None,
        share: str = "",
        order_key: str | None = None,
        owner_id: UUID | None = None,
    ) -> UUID:
        """Return the id of a job that exists from the commit on.

        `priority` is -100 to 100, higher first. With a `unique_key` the id may be that of a job of this task and key
        that has not ended. Jobs of one `order_key` run one after another, in the order of their commits. The slots of
        a queue go round its shares. A job with an owner is journaled, and its owner may read it.

        Raises UnknownTask, also for an operation without an owner, WrongArguments, TooFarAhead for a `run_at` in over a
        year, and ValueError for a priority out of range and a `run_at` without a time zone.
        """
        args = {} if args is None else args
        known = self._tasks.checked(task, args, has_owner=owner_id is not None)
        if not -100 <= priority <= 100:  # noqa: PLR2004 - the docstring says what they are
            raise ValueError("The priority of a job is -100 to 100.")
        if run_at is not None and run_at.tzinfo is None:
            raise ValueError("The run_at of a job needs a time zone, as context.now() has.")
        state = "queued" if run_at is None else self._state_until(run_at)
        job_id = self._new_id()
        values = {
            "id": job_id,
            "task": task,
            "queue": known.queue,
            "state": state,
            "run_at": run_at,
            "priority": priority,
            "share": share,
            "unique_key": unique_key,
            "owner_id": owner_id,
            "request_id": self._request_id,
            "traceparent": self._traceparent,
            "args": args,
        }
        add, add_or_find = _ADD, _ADD_OR_FIND
        if order_key is not None:
            add, add_or_find, values["order_key"] = _ADD_ORDERED, _ADD_ORDERED_OR_FIND, order_key
        if unique_key is None:
            if order_key is not None:
                self._tx.with_commit(LOCK_ORDER, order_key=order_key)
            self._tx.with_commit(add, **values)
        else:
            if order_key is not None:
                await self._tx.run(LOCK_ORDER, order_key=order_key)
            found = await self._tx.one(add_or_find, **values)
            assert found is not None
            if found.id != job_id:
                return found.id
        if state == "queued":
            self.became_ready(known.queue)
        if owner_id is not None:
            shown = {"task": task, "queue": known.queue, "state": state}
            self._journal.created("jobs", JobVersion(job_id, 1), shown, lists_of(owner_id))
        return job_id

    def _state_until(self, run_at: datetime) -> str:
        now = self._now()
        if run_at > now + MAX_AHEAD:
            raise TooFarAhead
        return "queued" if run_at <= now else "scheduled"
