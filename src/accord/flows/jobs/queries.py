"""The statements of the jobs domain: one per function, the condition in the name."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, DateTime, Integer, Text, Uuid, bindparam, column, func, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from accord.contract.tasks import Task
from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.flows.accounts.tables import users
from accord.problems import AlreadyExists
from accord.queue import ordering
from accord.queue.ending import with_attempt
from accord.queue.tables import IS_CLAIMABLE, IS_UNENDED, IS_UNIQUE, IS_WAITING, JobRow, jobs, queues, schedules

Id = UUID | str


class Counted(NamedTuple):
    """A number of jobs."""

    jobs: int


class Waiting(NamedTuple):
    """How many jobs of a task wait, and how many of these are of one owner."""

    jobs: int
    of_owner: int


class _Dead(NamedTuple):
    id: UUID
    order_key: str | None


class _Role(NamedTuple):
    role: str


MAX_ATTEMPTS_SHOWN = 100
"""The most attempts that a job shows, and that stay listed when the job is run again."""

_COLUMNS = ", ".join(column.name for column in jobs.c)
_FIND = Statement(select(jobs).where(jobs.c.id == bindparam("job_id")), JobRow)
_FIND_ALL = Statement(select(jobs).where(jobs.c.id == func.any(bindparam("ids", type_=ARRAY(Uuid)))), JobRow)
_own = select(jobs).where(jobs.c.owner_id == bindparam("owner_id")).order_by(jobs.c.id.desc()).limit(bindparam("limit"))
_FIRST_OWN = Statement(_own, JobRow)
_NEXT_OWN = Statement(_own.where(jobs.c.id < bindparam("last_id", type_=Uuid())), JobRow)


async def find(read: Reader, job_id: Id) -> JobRow | None:
    """Return the job, or None."""
    return await read.one(_FIND, job_id=job_id)


async def find_all(read: Reader, ids: Sequence[Id]) -> list[JobRow]:
    """Return the named jobs that exist."""
    return await read.all(_FIND_ALL, ids=list(ids))


async def page_of_owner(read: Reader, owner_id: Id, after: Sequence[Any] | None, limit: int) -> list[JobRow]:
    """Return jobs of the owner, newest first; `after` is the id of the last shown."""
    if after is None:
        return await read.all(_FIRST_OWN, owner_id=owner_id, limit=limit)
    return await read.all(_NEXT_OWN, owner_id=owner_id, limit=limit, last_id=after[0])


_CONDITIONS: Mapping[str, str] = {
    "since": "created_at >= :since",
    "until": "created_at < :until",
    "last_id": "(created_at, id) < (:last_created_at, :last_id)",
    "state": "kinds.state = :state",
    "queue": "kinds.queue = :queue",
    "task": "kinds.task = :task",
}
_OF_KINDS = ("state", "queue", "task")
_time = DateTime(timezone=True)
_TYPES = {
    **dict.fromkeys(("since", "until", "last_created_at", "now", "dead_after", "run_at"), _time),
    **dict.fromkeys(("last_id", "job_id", "owner_id"), Uuid()),
    **dict.fromkeys(("limit", "priority"), Integer()),
    "expected_version": BigInteger(),
    "ids": ARRAY(Uuid()),
}


def _typed(*names: str) -> list[Any]:
    """Return the parameters of a statement in SQL; a name without a type above is text."""
    return [bindparam(name, type_=_TYPES.get(name, Text())) for name in names]


async def page(read: Reader, filters: Mapping[str, Any], after: Sequence[Any] | None, limit: int) -> list[JobRow]:
    """Return jobs that fit all filters, newest first; `after` is time of creation and id of the last shown."""
    values = dict(filters)
    if after is not None:
        values |= {"last_created_at": after[0], "last_id": after[1]}
    return await read.all(_page(tuple(sorted(values.keys() & _CONDITIONS.keys()))), limit=limit, **values)


@cache
def _page(conditions: tuple[str, ...]) -> Statement[JobRow]:
    """Return the statement with only these conditions.

    The state, the queue and the task of jobs have few values. One index has them before the time: so the page is the
    newest of the newest of each combination, however many jobs there are and whichever filters are given.
    """
    names = ["limit", *conditions, *(("last_created_at",) if "last_id" in conditions else ())]
    of_kinds = " AND ".join(_CONDITIONS[name] for name in conditions if name in _OF_KINDS) or "true"
    of_jobs = "".join(f" AND {_CONDITIONS[name]}" for name in conditions if name not in _OF_KINDS)
    sql = f"""
WITH RECURSIVE kinds AS (
    (SELECT state, queue, task FROM accord.jobs ORDER BY state, queue, task LIMIT 1)
    UNION ALL
    SELECT following.state, following.queue, following.task FROM kinds, LATERAL (
        SELECT state, queue, task FROM accord.jobs
        WHERE (state, queue, task) > (kinds.state, kinds.queue, kinds.task) ORDER BY state, queue, task LIMIT 1
    ) following
)
SELECT {", ".join(f"job.{column.name}" for column in jobs.c)} FROM kinds CROSS JOIN LATERAL (
    SELECT * FROM accord.jobs
    WHERE jobs.state = kinds.state AND jobs.queue = kinds.queue AND jobs.task = kinds.task{of_jobs}
    ORDER BY created_at DESC, id DESC LIMIT :limit
) job WHERE {of_kinds} ORDER BY job.created_at DESC, job.id DESC LIMIT :limit
"""  # noqa: S608 - the conditions are ours
    return Statement(text(sql).bindparams(*_typed(*names)).columns(*(column for column in jobs.c)), JobRow)


# Compiled here, so that a wrong row type fails at start, as in every other statement.
_page(())

_WITH_CANCELLED = with_attempt(":now", "'cancelled'", "'The job was cancelled while the attempt ran.'")
_CANCEL = Statement(
    text(
        f"""
UPDATE accord.jobs SET state = 'cancelled', version = version + 1, is_ready = false, is_blocked = false,
    lease_until = NULL, ended_at = :now,
    attempts = CASE WHEN state = 'running' THEN {_WITH_CANCELLED} ELSE attempts END
WHERE id = :job_id AND version = :expected_version AND {IS_UNENDED.text}
RETURNING {_COLUMNS}
"""  # noqa: S608 - the conditions are ours
    )
    .bindparams(*_typed("now", "job_id", "expected_version"))
    .columns(*(column for column in jobs.c)),
    JobRow,
)


async def cancel_if_version_is(tx: Transaction, job_id: Id, version: int, now: datetime) -> JobRow | None:
    """Cancel the job if it has not ended; return None when it has, or is at another version."""
    return await tx.one(_CANCEL, job_id=job_id, expected_version=version, now=now)


# Ordered jobs are blocked at first: `queue.ordering` then lets the first of each key in, unless one runs.
_QUEUED = f"""state = 'queued', version = version + 1, is_ready = true, is_blocked = order_key IS NOT NULL,
    run_at = :now, attempt = 0, started_at = NULL, ended_at = NULL, lease_until = NULL, result = NULL, problem = NULL,
    attempts = jsonb_path_query_array(attempts, '$[last - {MAX_ATTEMPTS_SHOWN - 1} to last]')"""
_RETRY = Statement(
    text(
        f"""
UPDATE accord.jobs SET {_QUEUED}
WHERE id = :job_id AND version = :expected_version AND state IN ('dead', 'cancelled')
RETURNING {_COLUMNS}
"""  # noqa: S608 - the columns are ours
    )
    .bindparams(*_typed("now", "job_id", "expected_version"))
    .columns(*(column for column in jobs.c)),
    JobRow,
)
# The newest jobs of all keys are found once: no index has the keys of ended jobs.
_FIND_DEAD = Statement(
    text(
        f"""
SELECT id, order_key FROM accord.jobs dead
WHERE state = 'dead' AND task = :task AND (:dead_after IS NULL OR ended_at >= :dead_after)
    AND (unique_key IS NULL OR NOT EXISTS (
        SELECT FROM accord.jobs other WHERE other.task = :task AND other.unique_key = dead.unique_key
            AND {IS_UNIQUE.text.replace("unique_key", "other.unique_key").replace("state", "other.state")}
    ) AND id IN (
        SELECT DISTINCT ON (unique_key) id FROM accord.jobs
        WHERE state = 'dead' AND task = :task AND unique_key IS NOT NULL ORDER BY unique_key, sequence DESC
    ))
ORDER BY ended_at, id LIMIT :limit
"""  # noqa: S608 - the conditions are ours
    )
    .bindparams(*_typed("dead_after", "task", "limit"))
    .columns(column("id", Uuid), column("order_key", Text)),
    _Dead,
)
# Rows are locked in one order, so that two requests with the same jobs do not wait for each other.
_RETRY_DEAD = Statement(
    text(
        f"""
UPDATE accord.jobs SET {_QUEUED} WHERE id = ANY(ARRAY(
    SELECT id FROM accord.jobs WHERE id = ANY(:ids) AND state = 'dead' ORDER BY id FOR UPDATE
))
RETURNING {_COLUMNS}
"""  # noqa: S608 - the columns are ours
    )
    .bindparams(*_typed("now", "ids"))
    .columns(*(column for column in jobs.c)),
    JobRow,
)

_SAVEPOINT = Statement(text("SAVEPOINT retrying"))
_UNDO = Statement(text("ROLLBACK TO SAVEPOINT retrying"))


async def retry_if_version_is(tx: Transaction, job_id: Id, version: int, now: datetime) -> JobRow | None:
    """Queue the job again if it is dead or cancelled; return None when it is not, or is at another version."""
    return await tx.one(_RETRY, job_id=job_id, expected_version=version, now=now)


async def retry_dead(
    tx: Transaction, task: str, dead_after: datetime | None, limit: int, now: datetime
) -> list[JobRow]:
    """Queue dead jobs of a task again, the first that died before others; return them.

    A job whose unique key another has that has not ended, or died later, stays dead. Fewer than `limit` may be queued
    when such a key was taken, or some jobs were queued, meanwhile.
    """
    await tx.run(_SAVEPOINT)
    while found := await tx.all(_FIND_DEAD, task=task, dead_after=dead_after, limit=limit):
        # The lock of an order key comes before the rows, as everywhere.
        await ordering.lock(tx, [job.order_key for job in found])
        try:
            if queued := await tx.all(_RETRY_DEAD, ids=[job.id for job in found], now=now):
                return queued
        except AlreadyExists:
            # The next look sees the job that took the key, and fewer jobs meet fewer others.
            limit = max(limit // 2, 1)
        # Other requests queued all of them meanwhile, or a key was taken: the locks go with what was not done.
        await tx.run(_UNDO)
    return []


WAITING_LOCK = 0x5741_4954
"""The class of the advisory locks of operations that jobs run ("WAIT" in ASCII)."""
MAX_BEFORE = 1000
"""The most jobs that are counted as standing before another."""
_LOCK_WAITING = Statement(text(f"SELECT pg_advisory_xact_lock({WAITING_LOCK}, hashtext(:task))"))
_COUNT_WAITING = Statement(
    text(
        f"""
SELECT count(*) AS jobs, count(*) FILTER (WHERE owner_id = :owner_id) AS of_owner
FROM (
    SELECT owner_id FROM accord.jobs WHERE {IS_WAITING.text} AND queue = :queue AND task = :task LIMIT :limit
) AS waiting
"""  # noqa: S608 - the condition is ours
    )
    .bindparams(*_typed("queue", "task", "owner_id", "limit"))
    .columns(column("jobs", BigInteger), column("of_owner", BigInteger)),
    Waiting,
)
_COUNT_BEFORE = Statement(
    text(
        f"""
SELECT count(*) AS jobs FROM (
    SELECT id, priority, run_at FROM accord.jobs WHERE {IS_CLAIMABLE.text} AND queue = :queue
    ORDER BY run_at LIMIT {MAX_BEFORE}
) AS oldest
WHERE priority > :priority OR priority = :priority AND (run_at, id) < (:run_at, :job_id)
"""  # noqa: S608 - the condition is ours
    )
    .bindparams(*_typed("queue", "priority", "run_at", "job_id"))
    .columns(column("jobs", BigInteger)),
    Counted,
)
_ROLE = Statement(
    select(users.c.role).where(
        users.c.id == bindparam("user_id"), users.c.disabled_at.is_(None), users.c.deleted_at.is_(None)
    ),
    _Role,
)


async def lock_waiting_of(tx: Transaction, task: str) -> None:
    """Keep other transactions from adding jobs of an operation until the end of this one."""
    await tx.run(_LOCK_WAITING, task=task)


async def count_waiting(read: Reader, task: Task, owner_id: UUID, limit: int) -> Waiting:
    """Return how many jobs of a task wait in its queue for a slot or for their time, `limit` at most."""
    values = {"queue": task.queue, "task": task.name, "owner_id": owner_id, "limit": limit}
    return (await read.all(_COUNT_WAITING, **values))[0]


async def count_before(read: Reader, job: JobRow) -> int:
    """Return how many of the oldest MAX_BEFORE jobs of the job's queue that could run stand before it."""
    values = {"queue": job.queue, "priority": job.priority, "run_at": job.run_at, "job_id": job.id}
    return (await read.all(_COUNT_BEFORE, **values))[0].jobs


async def role_of_active_account(read: Reader, user_id: UUID) -> str | None:
    """Return the role of an account, or None when the account was disabled or deleted."""
    found = await read.one(_ROLE, user_id=user_id)
    return None if found is None else found.role


class QueueRow(NamedTuple):
    """The choices of an operator for a queue; `slots` is None where that is the number of QUEUES."""

    name: str
    slots: int | None
    paused: bool
    version: int


class ScheduleRow(NamedTuple):
    """The choices of an operator for a schedule, its last due time, and the state of its last job."""

    name: str
    paused: bool
    last_due_at: datetime | None
    last_job_id: UUID | None
    skipped: int
    version: int
    state: str | None


_queue_columns = (queues.c.name, queues.c.slots, queues.c.paused, queues.c.version)
_QUEUES = Statement(select(*_queue_columns), QueueRow)
_ADD_QUEUE = Statement(insert(queues).values(name=bindparam("queue")).on_conflict_do_nothing())
_last_state = select(jobs.c.state).where(jobs.c.id == schedules.c.last_job_id).scalar_subquery().label("state")
_schedule_columns = (
    schedules.c.name,
    schedules.c.paused,
    schedules.c.last_due_at,
    schedules.c.last_job_id,
    schedules.c.skipped,
    schedules.c.version,
    _last_state,
)
_SCHEDULES = Statement(select(*_schedule_columns), ScheduleRow)
_ADD_SCHEDULE = Statement(insert(schedules).values(name=bindparam("schedule")).on_conflict_do_nothing())
_SAVE_SCHEDULE = Statement(
    update(schedules)
    .where(schedules.c.name == bindparam("schedule"), schedules.c.version == bindparam("expected_version"))
    .values(
        {
            "version": schedules.c.version + 1,
            "paused": bindparam("is_paused", type_=Boolean()),
            "updated_at": bindparam("now", type_=_time),
        }
    )
    .returning(*_schedule_columns),
    ScheduleRow,
)


async def all_queues(read: Reader) -> list[QueueRow]:
    """Return the queues that an operator changed."""
    return await read.all(_QUEUES)


async def save_queue_if_version_is(
    tx: Transaction, name: str, version: int, changes: Mapping[str, Any], now: datetime
) -> QueueRow | None:
    """Change what an operator chose for a queue, which begins at version 1; return None at another version."""
    await tx.run(_ADD_QUEUE, queue=name)
    return await tx.one(
        _save_queue(tuple(sorted(changes))),
        queue=name,
        expected_version=version,
        now=now,
        **{f"new_{column}": value for column, value in changes.items()},
    )


@cache
def _save_queue(names: tuple[str, ...]) -> Statement[QueueRow]:
    changes = {name: bindparam(f"new_{name}", type_=queues.c[name].type) for name in names}
    return Statement(
        update(queues)
        .where(queues.c.name == bindparam("queue"), queues.c.version == bindparam("expected_version"))
        .values({"version": queues.c.version + 1, "updated_at": bindparam("now", type_=_time)} | changes)
        .returning(*_queue_columns),
        QueueRow,
    )


async def all_schedules(read: Reader) -> list[ScheduleRow]:
    """Return the schedules that were due before, or that an operator changed."""
    return await read.all(_SCHEDULES)


async def save_schedule_if_version_is(
    tx: Transaction, name: str, version: int, *, is_paused: bool, now: datetime
) -> ScheduleRow | None:
    """Pause a schedule, which begins at version 1, or let it go on; return None at another version."""
    await tx.run(_ADD_SCHEDULE, schedule=name)
    return await tx.one(_SAVE_SCHEDULE, schedule=name, expected_version=version, is_paused=is_paused, now=now)
