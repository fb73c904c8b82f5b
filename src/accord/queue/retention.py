"""Ended jobs are deleted after their retention: dead ones late, as an operator may run a dead job again.

The outcome of a job that has an owner, which is its result or its problem, is erased long before.
"""

from sqlalchemy import Float, Text, any_, bindparam, cast, delete, func, select, text

from accord.database.autocommit import Autocommit
from accord.database.expiry import BATCH
from accord.database.statement import Statement
from accord.queue.enqueue import LISTS_OF_OWNER
from accord.queue.tables import HAS_OUTCOME, jobs

OUTCOME_RETENTION = "24 hours"
_age = func.make_interval(0, 0, 0, 0, 0, 0, cast(bindparam("seconds"), Float))
# The order is that of the index, and now() bounds the search in it: with clock_timestamp(), which is another time for
# each row, every ended job would be read. Rows that another process is deleting are skipped.
_oldest = (
    select(jobs.c.id)
    .where(jobs.c.state == cast(bindparam("ended"), Text), jobs.c.ended_at <= func.now() - _age)
    .order_by(jobs.c.ended_at)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)
# Followers of the job hear of it: the record is another, so the version is, too.
_ERASE_OUTCOMES = Statement(
    text(
        f"""
WITH erased AS (
    UPDATE accord.jobs SET result = NULL, problem = NULL, version = version + 1
    WHERE id = ANY(ARRAY(
        SELECT id FROM accord.jobs
        WHERE {HAS_OUTCOME.text} AND ended_at <= now() - interval '{OUTCOME_RETENTION}'
        ORDER BY ended_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED
    ))
    RETURNING id, task, version, owner_id, request_id
)
INSERT INTO accord.journal (request_id, actor_kind, operation, record_table, record_id, record_version, kind, fields,
    list_keys)
SELECT request_id, 'system', task, 'jobs', id, version, 'updated', '{{"result": null, "problem": null}}',
    {LISTS_OF_OWNER}
FROM erased
"""  # noqa: S608 - the conditions are ours
    )
)
_DELETE = Statement(delete(jobs).where(jobs.c.id == any_(func.array(_oldest.scalar_subquery()))))


async def delete_some_ended(database: Autocommit, state: str, seconds: float) -> bool:
    """Delete some jobs that ended in this state so many seconds ago, the oldest first; return whether more are left."""
    return await database.run(_DELETE, ended=state, seconds=seconds) == BATCH


async def erase_some_outcomes(database: Autocommit) -> bool:
    """Erase some outcomes that are older than OUTCOME_RETENTION, the oldest first; return whether more are left."""
    return await database.run(_ERASE_OUTCOMES) == BATCH
