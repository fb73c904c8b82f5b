"""A journal that was restored from a dump: its transaction ids count in the cluster that the dump came from.

`journal.clusters` says how a restore is noticed. Then every entry of the journal counts as restored, and gets its
position in the order of ids; only later entries are sequenced by the transactions of this cluster.
"""

from typing import Any

from psycopg import AsyncConnection

from accord.journal.clusters import HAS_MOVED, HERE, IS_FOREIGN
from accord.telemetry import logs

RETRY_INTERVAL = 5.0
"""Seconds between attempts to take over: each may block writers for the lock timeout of 1 second."""

_NOTE = """
INSERT INTO accord.journal_clusters (after_position, system_identifier, timeline, database, restored)
SELECT position, here.system_identifier, here.timeline, here.database, {restored} FROM accord.journal_sequencer, here
"""
# One message, so that the server completes all statements also when this process stops: all writers wait for the lock.
# With the lock no writer is at work: every entry is visible, and all later entries have higher ids.
_TAKE_OVER = f"""
SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET LOCAL lock_timeout = '1s';
LOCK TABLE accord.journal IN SHARE MODE;
WITH {HERE}, noted AS ({_NOTE.format(restored=IS_FOREIGN)})
UPDATE accord.journal_sequencer SET written_by = pg_current_xact_id(),
    low_transaction_id = pg_snapshot_xmin(pg_current_snapshot()),
    next_restored_id = COALESCE((SELECT min(id) FROM accord.journal), 1),
    last_restored_id = COALESCE((SELECT max(id) FROM accord.journal), 0);
"""  # noqa: S608 - the names are ours
_NOTE_CHANGE = f"""
WITH {HERE} {_NOTE.format(restored="false")}
WHERE NOT EXISTS (SELECT FROM known, here WHERE known = here)
"""

Connection = AsyncConnection[tuple[Any, ...]]


async def settle(connection: Connection) -> None:
    """Before leading, note the cluster that the journal is in, and take over entries that came from another one."""
    [has_moved] = await (await connection.execute(HAS_MOVED.encode())).fetchone() or (False,)
    if has_moved:
        await take_over(connection)
    else:
        await connection.execute(_NOTE_CHANGE.encode())


async def take_over(connection: Connection) -> None:
    """Let the transactions of this cluster count from now on. Raises LockNotAvailable while a writer is at work."""
    await connection.execute(_TAKE_OVER.encode(), prepare=False)
    logs.warning("The journal came from another cluster or a dump; entries without position get one now.")
