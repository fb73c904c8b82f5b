"""Schedules: each due time of a task enqueues exactly one job, whichever process is awake (T-1, T-2).

No process leads. Every process that runs flows knows the due times, which follow from the contract alone, and looks
when a due time has come. One transaction moves the schedule's `last_due_at` on from the value that was read, and
enqueues: of two processes one moves it. As it moves only forward, a clock that is set back repeats nothing.

A due time passes without a job when the schedule is paused, when nothing ran for so long that it is too old, or when
the job before has not ended; only the last one counts as skipped.
"""

import asyncio
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Boolean, Text, and_, bindparam, case, cast, exists, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from accord import clock
from accord.context import SYSTEM, Context, RequestInfo, Resources
from accord.contract.due_times import catch_up, newest_due, next_due
from accord.contract.tasks import Every
from accord.database.schema import timestamp
from accord.database.statement import Statement
from accord.dispatch import run_to_commit
from accord.queue.tables import IS_UNENDED, jobs, schedules
from accord.telemetry import logs

NAP = 0.5
"""The most seconds of one sleep: a clock may be set, and a laptop may sleep, meanwhile."""
LOOK_SECONDS = 60.0
"""Seconds after which the schedules are read even when nothing is due, so that a new one gets its row."""
RETRY_SECONDS = 1.0
"""Seconds until the next look after one that failed."""
PAUSED, OLD, UNENDED = "the schedule is paused", "the due time is too old", "the job before has not ended"
"""Why a due time has no job."""
TIME_LIMIT = 30.0
"""Seconds that one due time may take: a backend that stands still must not hold up the others for long."""


class _Last(NamedTuple):
    name: str
    last_due_at: datetime | None


class _Passed(NamedTuple):
    paused: bool
    is_unended: bool


_moment = timestamp("at").type
_due = bindparam("due", type_=_moment)
_is_young = cast(bindparam("is_young"), Boolean)
_READ = Statement(select(schedules.c.name, schedules.c.last_due_at), _Last)
_new = insert(schedules).values({"name": bindparam("name"), "last_due_at": bindparam("begins", type_=_moment)})
# A schedule that was paused before its first look has a row without a time.
_BEGIN = Statement(
    _new.on_conflict_do_update(
        index_elements=["name"],
        set_={"last_due_at": _new.excluded.last_due_at},
        where=schedules.c.last_due_at.is_(None),
    )
)
_is_unended = exists(select(literal(1)).select_from(jobs).where(and_(jobs.c.id == schedules.c.last_job_id, IS_UNENDED)))
_is_skipped = and_(_is_young, ~schedules.c.paused, _is_unended)
_PASS = Statement(
    update(schedules)
    .where(
        schedules.c.name == cast(bindparam("schedule"), Text),
        schedules.c.last_due_at == bindparam("before", type_=_moment),
    )
    .values({"last_due_at": _due, "skipped": schedules.c.skipped + case((_is_skipped, 1), else_=0)})
    .returning(schedules.c.paused, _is_unended.label("is_unended")),
    _Passed,
)
_NOTE = Statement(
    update(schedules)
    .where(schedules.c.name == cast(bindparam("schedule"), Text))
    .values({"last_job_id": bindparam("job_id")})
)


class Schedules:
    """Enqueues the jobs of the tasks that have a schedule; the row of a task that left the contract is ignored."""

    def __init__(self, resources: Resources, *, has_metrics: bool) -> None:
        """Take the parts of the process, with its tasks; with metrics, skipped due times are counted from 0 on."""
        self._resources = resources
        self._database = resources.database.background
        self._has_metrics = has_metrics
        self._scheduled = {task.name: task.every for task in resources.tasks.by_name.values() if task.every is not None}
        self._count(0, *self._scheduled)

    async def run(self) -> None:
        """Enqueue what is due until cancelled, through failures of the database; return if no task has a schedule."""
        while self._scheduled:
            try:
                next_at = await self.look()
            except Exception as error:  # noqa: BLE001 - the next look may succeed, whatever the error
                logs.warning("The schedules could not be looked at; the next look tries again.", reason=repr(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await self._sleep_until(next_at)

    async def look(self) -> datetime:
        """Enqueue what is due; return when a schedule is due next. A schedule that fails holds up no other."""
        now, failure = self._resources.clock(), None
        last = {row.name: row.last_due_at for row in await self._database.all(_READ)}
        for name, every in self._scheduled.items():
            try:
                await self._look_at(name, every, last.get(name), now)
            except Exception as error:  # noqa: BLE001 - raised after the other schedules
                failure = error
        if failure is not None:
            raise failure
        return min(next_due(every, now) for every in self._scheduled.values())

    async def _look_at(self, name: str, every: Every, before: datetime | None, now: datetime) -> None:
        if before is None:
            await self._database.run(_BEGIN, name=name, begins=now)
        elif (due := newest_due(every, before, now)) is not None:
            await self._pass(name, before, due, is_young=now - due < catch_up(every))

    async def _pass(self, name: str, before: datetime, due: datetime, *, is_young: bool) -> None:
        context = Context(self._resources, name, SYSTEM, RequestInfo(str(self._resources.new_id())))
        try:
            async with asyncio.timeout(TIME_LIMIT):
                why = await run_to_commit(context, _enqueue(context, name, before, due, is_young=is_young))
        except BaseException:
            await context.rollback()
            raise
        if why is not None:
            logs.info("A due time passed without a job.", task=name, due=due.isoformat(), reason=why)
            self._count(why == UNENDED, name)

    def _count(self, skips: int, *names: str) -> None:
        if self._has_metrics:
            from accord.jobs.metrics import skipped  # noqa: PLC0415 - most workers are never asked for metrics

            for name in names:
                skipped.labels(name).inc(skips)

    async def _sleep_until(self, moment: datetime) -> None:
        looked_at = clock.uptime()
        while (left := (moment - self._resources.clock()).total_seconds()) > 0:
            if clock.uptime() - looked_at > LOOK_SECONDS:
                return
            await asyncio.sleep(min(left, NAP))


async def _enqueue(context: Context, name: str, before: datetime, due: datetime, *, is_young: bool) -> str | None:
    """Move the schedule on and enqueue its job, unless another process did; return why a due time has no job."""
    passed = await context.tx.one(_PASS, schedule=name, before=before, due=due, is_young=is_young)
    if passed is None:
        return None
    if passed.paused or not is_young or passed.is_unended:
        return PAUSED if passed.paused else UNENDED if is_young else OLD
    job_id = await context.jobs.enqueue(name, unique_key=f"due {due.isoformat()}")
    context.tx.with_commit(_NOTE, schedule=name, job_id=job_id)
    return None
