"""Ended jobs are deleted after their retention: dead ones late, as an operator may run a dead job again."""

from sqlalchemy import Float, Text, any_, bindparam, cast, delete, func, select

from accord.database.autocommit import Autocommit
from accord.database.expiry import BATCH
from accord.database.statement import Statement
from accord.queue.tables import jobs

_age = func.make_interval(0, 0, 0, 0, 0, 0, cast(bindparam("seconds"), Float))
# The order is that of the index. Rows that another process is deleting are skipped.
_oldest = (
    select(jobs.c.id)
    .where(jobs.c.state == cast(bindparam("ended"), Text), jobs.c.ended_at <= func.clock_timestamp() - _age)
    .order_by(jobs.c.ended_at)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)
_DELETE = Statement(delete(jobs).where(jobs.c.id == any_(func.array(_oldest.scalar_subquery()))))


async def delete_some_ended(database: Autocommit, state: str, seconds: float) -> bool:
    """Delete some jobs that ended in this state so many seconds ago, the oldest first; return whether more are left."""
    return await database.run(_DELETE, ended=state, seconds=seconds) == BATCH
