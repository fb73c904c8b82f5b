"""Reads the journal by position."""

from typing import Any

from sqlalchemy import bindparam, select

from accord.database.pool import Database
from accord.database.statement import Statement
from accord.database.tables import journal, journal_positions, journal_relay

BATCH = 500
"""Entries read at a time."""

_AFTER = Statement(
    select(
        journal_positions.c.position,
        journal.c.at,
        journal.c.actor_id,
        journal.c.operation,
        journal.c.record_table,
        journal.c.record_id,
        journal.c.record_version,
        journal.c.kind,
        journal.c.fields,
        journal.c.list_keys,
    )
    .join(
        journal,
        # The time of the entry tells PostgreSQL which partition it is in.
        (journal.c.id == journal_positions.c.entry_id) & (journal.c.at == journal_positions.c.entry_at),
    )
    .where(journal_positions.c.position > bindparam("after"))
    .order_by(journal_positions.c.position)
    .limit(bindparam("most"))
)
_LAST = Statement(select(journal_relay.c.position))


async def read(database: Database, after: int, most: int = BATCH) -> list[Any]:
    """Return the entries after a position, in order: rows with `position`, `at`, the record, `kind` and `list_keys`."""
    return await database.all(_AFTER, after=after, most=most)


async def last_position(database: Database) -> int:
    """Return the newest position; 0 when nothing was stamped yet."""
    return (await database.one(_LAST)).position
