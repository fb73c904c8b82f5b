"""Reads the journal by position."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import Text, Uuid, and_, any_, bindparam, cast, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from accord.contract.records import Key, RecordKey
from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.journal.chain import START
from accord.journal.tables import journal, journal_positions, journal_sequencer, of_position

BATCH = 500
"""Entries read at a time."""
WINDOW = 10_000
"""Positions searched for missed changes; requests go on from there, subscriptions further behind resync."""


class TailEntry(NamedTuple):
    """An entry at its position: which version of which record changed how, or the event that happened to the record.

    A pruned entry leaves its position and hash alone: the functions of this module raise PositionPruned then.
    """

    position: int
    hash: bytes
    id: int | None
    at: datetime
    record_table: str
    record_id: UUID
    record_version: int | None
    kind: str
    list_keys: list[str]
    fields: dict[str, Any]


class ChangeEntry(NamedTuple):
    """An entry without its fields: all that its followers are told."""

    position: int
    hash: bytes
    id: int | None
    at: datetime
    record_table: str
    record_id: UUID
    record_version: int | None
    kind: str
    list_keys: list[str]


class SequencerState(NamedTuple):
    """The newest position, and the hash there."""

    position: int
    hash: bytes


class _Hash(NamedTuple):
    hash: bytes


_Read = TypeVar("_Read", TailEntry, ChangeEntry)
_change = (
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
_FROM = Statement(
    select(*_change, journal.c.fields)
    .outerjoin(journal, of_position)
    .where(journal_positions.c.position >= bindparam("first"))
    .order_by(journal_positions.c.position)
    .limit(bindparam("limit")),
    TailEntry,
)
_STATE = Statement(select(journal_sequencer.c.position, journal_sequencer.c.hash), SequencerState)
_HASH = Statement(select(journal_positions.c.hash).where(journal_positions.c.position == bindparam("position")), _Hash)
_CHANGES = Statement(
    select(*_change)
    .outerjoin(journal, of_position)
    .where(
        journal_positions.c.position > bindparam("after"),
        journal_positions.c.position <= bindparam("until"),
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
    .limit(bindparam("limit")),
    ChangeEntry,
)


class PositionPruned(Exception):
    """Requested entries have been pruned: a client that follows must resync."""


class Replaced(Exception):
    """The journal is another one than was read before: a backup was restored under a running process."""


async def read(database: Reader, after: int, limit: int = BATCH) -> list[TailEntry]:
    """Return the entries after a position, in order; raise PositionPruned."""
    return _all_there(await database.all(_FROM, first=after + 1, limit=limit))


async def read_on(database: Reader, position: int, digest: bytes, limit: int = BATCH) -> list[TailEntry]:
    """Return the entries after a position as `read` does; raise Replaced when the hash there is another one, or gone.

    The entry at the position is read, too, so that a replaced journal is noticed also without new entries.
    """
    found = await database.all(_FROM, first=position, limit=limit + 1)
    if position == 0:
        return _all_there(found)
    if not found or (found[0].position, found[0].hash) != (position, digest):
        raise Replaced
    return _all_there(found[1:])


async def sequencer_state(database: Reader) -> SequencerState:
    """Return the state of the sequencer, which is one row."""
    [state] = await database.all(_STATE)
    return state


async def hash_at(database: Reader, position: int) -> bytes | None:
    """Return the chain's hash at a position, None when the position has no entry (yet)."""
    if position == 0:
        return START
    row = await database.one(_HASH, position=position)
    return None if row is None else row.hash


async def changes(database: Reader, after: int, until: int, keys: Collection[Key], limit: int) -> list[ChangeEntry]:
    """Return the first entries between two positions that change any of the records or lists; raise PositionPruned.

    The table of a record is not compared: ids are unique over all tables.
    """
    rows = await database.all(
        _CHANGES,
        after=after,
        until=until,
        record_ids=[key.id for key in keys if isinstance(key, RecordKey)],
        lists=[str(key) for key in keys if not isinstance(key, RecordKey)],
        limit=limit,
    )
    return _all_there(rows)


def keys_of(entry: TailEntry | ChangeEntry) -> list[str]:
    """Return the live keys of the record that an entry changed, and of the lists that show the record."""
    return [f"getRecord:{entry.record_table}:{entry.record_id}", *entry.list_keys]


def _all_there(rows: list[_Read]) -> list[_Read]:
    if any(row.id is None for row in rows):
        raise PositionPruned
    return rows
