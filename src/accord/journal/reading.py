"""Reads the journal by position."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Text, Uuid, and_, any_, bindparam, cast, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from accord.contract.records import Key, RecordKey
from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.journal.chain import START
from accord.journal.tables import journal, journal_positions, journal_sequencer

BATCH = 500
"""Entries read at a time."""
WINDOW = 10_000
"""Positions searched for missed changes; requests go on from there, subscriptions further behind resync."""

# The time of the entry tells PostgreSQL which partition it is in.
_of_position = (journal.c.id == journal_positions.c.entry_id) & (journal.c.at == journal_positions.c.entry_at)
_FROM = Statement(
    select(
        journal_positions.c.position,
        journal_positions.c.hash,
        journal.c.id,
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
    .outerjoin(journal, _of_position)
    .where(journal_positions.c.position >= bindparam("first"))
    .order_by(journal_positions.c.position)
    .limit(bindparam("most"))
)
_STATE = Statement(select(journal_sequencer.c.position, journal_sequencer.c.hash))
_HASH = Statement(select(journal_positions.c.hash).where(journal_positions.c.position == bindparam("position")))
_CHANGES = Statement(
    select(
        journal_positions.c.position,
        journal_positions.c.hash,
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


class PositionPruned(Exception):
    """Requested entries have been pruned: a client that follows must resync."""


class Replaced(Exception):
    """The journal is another one than was read before: a backup was restored under a running process."""


async def read(database: Reader, after: int, most: int = BATCH) -> list[Any]:
    """Return the entries after a position, in order: rows with `position`, `hash`, `at`, the record and its lists.

    Raises PositionPruned.
    """
    return _all_there(await database.all(_FROM, first=after + 1, most=most))


async def read_on(database: Reader, position: int, digest: bytes, most: int = BATCH) -> list[Any]:
    """Return the entries after a position as `read` does; raise Replaced when the hash there is another one, or gone.

    The entry at the position is read, too, so that a replaced journal is noticed also without new entries.
    """
    found = await database.all(_FROM, first=position, most=most + 1)
    if position == 0:
        return _all_there(found)
    if not found or (found[0].position, found[0].hash) != (position, digest):
        raise Replaced
    return _all_there(found[1:])


async def sequencer_state(database: Reader) -> Any:
    """Return the newest `position` and the `hash` there."""
    return await database.one(_STATE)


async def hash_at(database: Reader, position: int) -> bytes | None:
    """Return the chain's hash at a position, None when the position has no entry (yet)."""
    if position == 0:
        return START
    row = await database.one(_HASH, position=position)
    return None if row is None else row.hash


async def changes(database: Reader, after: int, upto: int, keys: Collection[Key], most: int) -> list[Any]:
    """Return the entries between two positions that change any of the records or lists, the first `most` of them.

    The rows have `position`, `hash`, `at`, the record with its version, `kind` and `list_keys`. Raises PositionPruned.
    The table of a record is not compared: ids are unique over all tables.
    """
    rows = await database.all(
        _CHANGES,
        after=after,
        upto=upto,
        record_ids=[key.id for key in keys if isinstance(key, RecordKey)],
        lists=[str(key) for key in keys if not isinstance(key, RecordKey)],
        most=most,
    )
    return _all_there(rows)


def keys_of(entry: Any) -> list[str]:
    """Return the live keys of the record that an entry changed, and of the lists that show the record."""
    return [f"getRecord:{entry.record_table}:{entry.record_id}", *entry.list_keys]


def _all_there(rows: list[Any]) -> list[Any]:
    if any(row.id is None for row in rows):
        raise PositionPruned
    return rows
