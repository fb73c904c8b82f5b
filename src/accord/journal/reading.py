"""Reads the journal by position."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Text, Uuid, and_, any_, bindparam, cast, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from accord.contract.records import Key, RecordKey
from accord.database.reader import Reader
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
_RELAY = Statement(select(journal_relay.c.position, journal_relay.c.hash))
_of_position = (journal.c.id == journal_positions.c.entry_id) & (journal.c.at == journal_positions.c.entry_at)
_CHANGES = Statement(
    select(
        journal_positions.c.position,
        journal.c.id,
        journal.c.at,
        journal.c.record_table,
        journal.c.record_id,
        journal.c.record_version,
        journal.c.kind,
        journal.c.list_keys,
    )
    .outerjoin(journal, _of_position)
    .where(
        journal_positions.c.position > bindparam("after"),
        journal_positions.c.position <= bindparam("upto"),
        or_(
            journal.c.id.is_(None),
            and_(
                journal.c.kind != "event",
                or_(
                    journal.c.record_id == any_(cast(bindparam("record_ids"), ARRAY(Uuid))),
                    journal.c.list_keys.op("&&")(cast(bindparam("lists"), ARRAY(Text))),
                ),
            ),
        ),
    )
    .order_by(journal_positions.c.position)
    .limit(bindparam("most"))
)


class Forgotten(Exception):
    """Entries that were asked for have been pruned: whoever wants to follow must reload."""


async def read(database: Reader, after: int, most: int = BATCH) -> list[Any]:
    """Return the entries after a position, in order: rows with `position`, `at`, the record, `kind` and `list_keys`."""
    return await database.all(_AFTER, after=after, most=most)


async def last_position(database: Reader) -> int:
    """Return the newest position; 0 when nothing was stamped yet."""
    return (await relay_state(database)).position


async def relay_state(database: Reader) -> Any:
    """Return the newest `position` and the `hash` there."""
    return await database.one(_RELAY)


async def changes(database: Reader, after: int, upto: int, keys: Collection[Key], most: int) -> list[Any]:
    """Return the entries between two positions that change any of the records or lists, the first `most` of them.

    The rows have `position`, `at`, `record_table`, `record_id`, `record_version`, `kind` and `list_keys`; raises
    Forgotten. A record of another table that has the same id is not sorted out: ids are unique.
    """
    found = await database.all(
        _CHANGES,
        after=after,
        upto=upto,
        record_ids=[key.id for key in keys if isinstance(key, RecordKey)],
        lists=[str(key) for key in keys if not isinstance(key, RecordKey)],
        most=most,
    )
    if any(row.id is None for row in found):
        raise Forgotten
    return found


def keys_of(entry: Any) -> list[str]:
    """Return the keys of what an entry changed: the record, and the lists that it shows in."""
    return [f"getRecord:{entry.record_table}:{entry.record_id}", *entry.list_keys]
