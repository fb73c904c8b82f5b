"""The figures of the queue: jobs by queue and state, and how long ready jobs wait, at the same cost for many jobs."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Double, Text, column, select, text

from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.queue.tables import IS_CLAIMABLE, queues

MAX_COUNT = 100_000
"""A count is exact up to here, and stops here."""


LATE = 60.0
"""Seconds that a job that could run may wait before the service counts as degraded."""


class JobsWait(Exception):
    """Jobs that could run have waited for too long."""


class Count(NamedTuple):
    """So many jobs of a queue are in a state."""

    queue: str
    state: str
    jobs: int


class _Name(NamedTuple):
    name: str


class Oldest(NamedTuple):
    """How long the oldest job of a queue that could run has waited."""

    queue: str
    seconds: float
    is_paused: bool


# Each step finds the next pair at the front of an index, and passes all jobs of the pair before. The order of a count
# is that of the index: without it the planner would read the whole table for a pair of few jobs.
_COUNTS = Statement(
    text(
        f"""
WITH RECURSIVE kinds AS (
    (SELECT state, queue FROM accord.jobs ORDER BY state, queue LIMIT 1)
    UNION ALL
    SELECT following.state, following.queue FROM kinds, LATERAL (
        SELECT state, queue FROM accord.jobs WHERE (state, queue) > (kinds.state, kinds.queue)
        ORDER BY state, queue LIMIT 1
    ) following
)
SELECT queue, state, (
    SELECT count(*) FROM (
        SELECT FROM accord.jobs WHERE jobs.state = kinds.state AND jobs.queue = kinds.queue
        ORDER BY task LIMIT {MAX_COUNT}
    ) counted
) AS jobs FROM kinds ORDER BY queue, state
"""  # noqa: S608 - the number is ours
    ).columns(column("queue", Text), column("state", Text), column("jobs", BigInteger)),
    Count,
)
_OLDEST = Statement(
    text(
        f"""
WITH RECURSIVE oldest AS (
    (SELECT queue, run_at FROM accord.jobs WHERE {IS_CLAIMABLE.text} ORDER BY queue, run_at LIMIT 1)
    UNION ALL
    SELECT following.queue, following.run_at FROM oldest, LATERAL (
        SELECT queue, run_at FROM accord.jobs WHERE {IS_CLAIMABLE.text} AND queue > oldest.queue
        ORDER BY queue, run_at LIMIT 1
    ) following
)
SELECT queue, GREATEST(EXTRACT(epoch FROM clock_timestamp() - run_at), 0)::double precision AS seconds,
    COALESCE(paused, false) AS is_paused
FROM oldest LEFT JOIN accord.queues ON name = queue
"""  # noqa: S608 - the condition is ours
    ).columns(column("queue", Text), column("seconds", Double), column("is_paused", Boolean)),
    Oldest,
)


_PAUSED = Statement(select(queues.c.name).where(queues.c.paused).order_by(queues.c.name), _Name)


async def counts(read: Reader) -> list[Count]:
    """Return the number of jobs of each queue in each state that has any, MAX_COUNT at most."""
    return await read.all(_COUNTS)


async def oldest_ready(read: Reader) -> list[Oldest]:
    """Return the queues with jobs that could run, and how long the oldest of each waits."""
    return await read.all(_OLDEST)


async def paused_queues(read: Reader) -> list[str]:
    """Return the queues that an operator paused."""
    return [row.name for row in await read.all(_PAUSED)]


async def refuse_late(read: Reader) -> None:
    """Raise JobsWait when a job that could run waits for more than LATE; a paused queue is an operator's choice."""
    if late := late_queues(await oldest_ready(read)):
        raise JobsWait(", ".join(late))


def late_queues(oldest: Iterable[Oldest]) -> list[str]:
    """Return the queues that are not paused and have a job that could run and waits for more than LATE."""
    return [each.queue for each in oldest if each.seconds > LATE and not each.is_paused]
