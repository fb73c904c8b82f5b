"""The clusters that the journal was in: transaction ids count in one cluster of PostgreSQL only.

PostgreSQL notes in each row which transaction wrote the row (`xmin`). The sequencer's row has the same id as a value,
too (`written_by`). The two agree as long as rows are changed in place, and wherever files are copied or recovered
together with their transaction counter. A restore writes the row anew, in a transaction of its own, and the two differ,
whether the cluster is older, younger or the same. A low transaction id that this cluster has not reached yet is as
foreign.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Text, column, text

from accord.database.database import Database
from accord.database.reader import Reader
from accord.database.schema import timestamp
from accord.database.statement import Statement

IS_FOREIGN = "(written_by::xid <> xmin OR low_transaction_id > (SELECT pg_snapshot_xmax(pg_current_snapshot())))"
"""Whether the transaction ids in the row of `journal_sequencer` are those of another cluster."""

HERE = """
here AS (
    SELECT (pg_control_system()).system_identifier::text AS system_identifier,
        (pg_control_checkpoint()).timeline_id::bigint AS timeline, oid::bigint AS database
    FROM pg_database WHERE datname = current_database()
),
known AS (SELECT system_identifier, timeline, database FROM accord.journal_clusters ORDER BY id DESC LIMIT 1)
"""
"""The cluster that the journal is in, and the cluster that was noted last."""
# By chance a restore into another cluster may have had the very transaction id that is in the row.
HAS_MOVED = f"""
WITH {HERE}
SELECT {IS_FOREIGN} OR EXISTS (
    SELECT FROM here, known
    WHERE (here.system_identifier, here.database) <> (known.system_identifier, known.database)
) AS has_moved
FROM accord.journal_sequencer
"""  # noqa: S608 - the names are ours


class _HasMoved(NamedTuple):
    has_moved: bool


class _Move(NamedTuple):
    after_position: int
    system_identifier: str
    timeline: int
    restored: bool
    noticed_at: datetime


_HAS_MOVED = Statement(text(HAS_MOVED).columns(column("has_moved", Boolean())), _HasMoved)
_MOVES = Statement(
    text(
        "SELECT after_position, system_identifier, timeline, restored, noticed_at FROM ("
        " SELECT *, row_number() OVER (ORDER BY id) AS number FROM accord.journal_clusters"
        ") noted WHERE number > 1 OR restored ORDER BY id"
    ).columns(
        column("after_position", BigInteger()),
        column("system_identifier", Text()),
        column("timeline", BigInteger()),
        column("restored", Boolean()),
        column("noticed_at", timestamp("at").type),
    ),
    _Move,
)


class _Restore(NamedTuple):
    after_position: int


_LAST_RESTORE = Statement(
    text("SELECT after_position FROM accord.journal_clusters WHERE restored ORDER BY id DESC LIMIT 1").columns(
        column("after_position", BigInteger())
    ),
    _Restore,
)


async def last_restore(database: Reader) -> int | None:
    """Return the last position of the backup that was restored last, or None when the journal was never restored."""
    restore = await database.one(_LAST_RESTORE)
    return None if restore is None else restore.after_position


async def moves(database: Database) -> list[str]:
    """Return sentences about each move of the journal to another cluster, each restore, and one not noted yet."""
    told = [
        f"After position {row.after_position} the journal"
        f" {'was restored into' if row.restored else 'went on in'} cluster {row.system_identifier},"
        f" timeline {row.timeline}, noticed at {row.noticed_at:%Y-%m-%dT%H:%M:%SZ}"
        for row in await database.all(_MOVES)
    ]
    [row] = await database.all(_HAS_MOVED)
    if row.has_moved:
        told.append("The journal came from another cluster or from a dump, and no sequencer has led since")
    return told
