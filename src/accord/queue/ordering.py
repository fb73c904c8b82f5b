"""The order of jobs with an order key: a job that ended, or was cancelled, lets the next run; a retried one waits.

Each transaction takes the lock of the order key before the row of a job, as `queue.enqueue` does: the job that ends and
the one behind it are rows that two transactions may want both.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Boolean, Text, bindparam, column, text
from sqlalchemy.dialects.postgresql import ARRAY

from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.queue.enqueue import ORDER_LOCK
from accord.queue.tables import IS_ORDERED


class _Unblocked(NamedTuple):
    queue: str
    is_ready: bool


_keys = bindparam("order_keys", type_=ARRAY(Text))
# In one order, so that two requests with the same keys do not wait for each other.
_LOCK = Statement(
    text(
        f"SELECT pg_advisory_xact_lock({ORDER_LOCK}, key) FROM"  # noqa: S608 - the number is ours
        " (SELECT DISTINCT hashtext(name) AS key FROM unnest(:order_keys) AS name ORDER BY key) AS keys"
    ).bindparams(_keys)
)


# A retried job has an earlier place than the one that runs by now, and must not be let in beside it.
def _unblocking(keys: str) -> str:
    """Return the SQL that lets the first job run of each key that this part of a FROM names."""
    return f"""
UPDATE accord.jobs SET is_blocked = false WHERE is_blocked AND id = ANY(ARRAY(
    SELECT first.id FROM {keys} CROSS JOIN LATERAL (
        SELECT id FROM accord.jobs WHERE order_key = keys.name AND is_blocked AND {IS_ORDERED.text}
        ORDER BY sequence LIMIT 1
    ) AS first
    WHERE NOT EXISTS (
        SELECT FROM accord.jobs WHERE order_key = keys.name AND NOT is_blocked AND {IS_ORDERED.text}
    )
))
"""  # noqa: S608 - the conditions are ours


_UNBLOCK_FIRST = Statement(
    text(_unblocking("unnest(:order_keys) AS keys (name)") + "RETURNING queue, is_ready")
    .bindparams(_keys)
    .columns(column("queue", Text), column("is_ready", Boolean)),
    _Unblocked,
)
# With one key, as most jobs end: PostgreSQL plans a statement with an array anew each time.
_UNBLOCK_ONE = Statement(
    text(_unblocking("(VALUES (:order_key)) AS keys (name)")).bindparams(bindparam("order_key", type_=Text))
)


async def lock(tx: Transaction, order_keys: Collection[str | None]) -> list[str]:
    """Keep other transactions from enqueueing, ending and changing jobs of these keys; return the keys."""
    keys = sorted({key for key in order_keys if key is not None})
    if keys:
        await tx.run(_LOCK, order_keys=keys)
    return keys


def lock_with_commit(tx: Transaction, order_key: str | None) -> None:
    """Do so with the commit, before the statements that are added after this one."""
    if order_key is not None:
        tx.with_commit(_LOCK, order_keys=[order_key])


def unblock_with_commit(tx: Transaction, order_key: str | None) -> None:
    """Let the next job of an order key, which is locked, run with the commit that ends the one before."""
    if order_key is not None:
        tx.with_commit(_UNBLOCK_ONE, order_key=order_key)


async def unblock_first(tx: Transaction, order_keys: Collection[str | None]) -> set[str]:
    """Let the first job of each of these keys run unless another of its key may; return the queues of ready ones."""
    keys = await lock(tx, order_keys)
    if not keys:
        return set()
    return {job.queue for job in await tx.all(_UNBLOCK_FIRST, order_keys=keys) if job.is_ready}
