"""The durable readers of the journal: a position each, which moves in the commit of what was written for the entries.

A reader that is new begins at the newest position. Pruning keeps what a reader has not passed.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Double,
    Text,
    and_,
    bindparam,
    cast,
    column,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from accord.database.autocommit import Autocommit
from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.journal.reading import Replaced, hash_at
from accord.journal.tables import journal, journal_positions, journal_readers, journal_sequencer, of_position
from accord.problems import ServiceUnavailable

WINDOW = 10_000
"""Positions that one batch goes through."""
OVERDUE = 30.0
"""Seconds after which a reader that stands still before an entry counts as failing."""
REST = "1 s"
"""How long a position rests, whichever process moved it, before it is moved past entries that do not matter."""


class Entry(NamedTuple):
    """An entry at its position, as a reaction after the commit gets it; `fields` are redacted.

    The version is None for an event. `actor_id` is None for the system and for a caller who was not signed in.
    """

    position: int
    at: datetime
    record_table: str
    record_id: UUID
    record_version: int | None
    kind: str
    fields: dict[str, Any]
    list_keys: list[str]
    operation: str
    actor_kind: str
    actor_id: UUID | None
    request_id: str


class Place(NamedTuple):
    """Where a reader is, and whether it has rested there."""

    position: int
    is_rested: bool


class Batch(NamedTuple):
    """The entries that matter to a reader after its position, and the position that it passes with them.

    `pruned` is the last position of an entry that was gone before the reader passed it, or None.
    """

    entries: list[Entry]
    position: int
    pruned: int | None


class Standing(NamedTuple):
    """A reader as operators see it: how many positions it is behind, and for how many seconds it stands still."""

    name: str
    position: int
    behind: int
    seconds: float


class _Held(NamedTuple):
    hash: bytes


_columns = journal_readers.c
_clock = func.clock_timestamp()
_by_name = _columns.name == bindparam("name")
_REGISTER = Statement(
    insert(journal_readers)
    .from_select(
        ["name", "position", "hash"],
        select(cast(bindparam("name"), Text), journal_sequencer.c.position, journal_sequencer.c.hash),
    )
    .on_conflict_do_nothing()
)
# A position that rests in the future was moved before the clock was set back.
_PLACE = Statement(
    select(
        _columns.position,
        (~_columns.moved_at.between(_clock - text(f"interval '{REST}'"), _clock)).label("is_rested"),
    ).where(_by_name),
    Place,
)
_HOLD = Statement(
    select(_columns.hash).where(_by_name, _columns.position == bindparam("position")).with_for_update(skip_locked=True),
    _Held,
)
_ENTRIES = Statement(
    select(journal_positions.c.position, *(journal.c[name] for name in Entry._fields[1:]))
    .outerjoin(journal, of_position)
    .where(
        journal_positions.c.position > bindparam("position"),
        journal_positions.c.position <= bindparam("until"),
        or_(
            journal.c.id.is_(None),
            and_(journal.c.record_table == bindparam("table"), journal.c.kind == bindparam("kind")),
        ),
    )
    .order_by(journal_positions.c.position)
    .limit(bindparam("limit")),
    Entry,
)
# The fence: where the position is another one there is no hash, and the commit fails.
_hash_there = (
    select(journal_positions.c.hash)
    .where(journal_positions.c.position == bindparam("until"), _columns.position == bindparam("from_position"))
    .correlate(journal_readers)
    .scalar_subquery()
)
_MOVE = Statement(
    update(journal_readers).where(_by_name).values(position=bindparam("until"), hash=_hash_there, moved_at=_clock)
)
_RESTART = Statement(
    update(journal_readers)
    .where(_by_name)
    .values(position=journal_sequencer.c.position, hash=journal_sequencer.c.hash, moved_at=_clock)
)
_DROP = Statement(delete(journal_readers).where(_by_name))
_STANDINGS = Statement(
    text(
        "SELECT name, readers.position, GREATEST(newest.position - readers.position, 0) AS behind,"
        " CASE WHEN next.position IS NULL THEN 0 ELSE GREATEST(0, EXTRACT(epoch FROM"
        " clock_timestamp() - GREATEST(next.sequenced_at, readers.moved_at))) END::double precision AS seconds"
        " FROM accord.journal_readers readers CROSS JOIN accord.journal_sequencer newest"
        " LEFT JOIN accord.journal_positions next ON next.position = readers.position + 1 ORDER BY name"
    ).columns(
        column("name", Text()),
        column("position", BigInteger()),
        column("behind", BigInteger()),
        column("seconds", Double()),
    ),
    Standing,
)


async def register(database: Autocommit, name: str) -> bool:
    """Let a reader begin at the newest position; return False when it has begun before."""
    return await database.run(_REGISTER, name=name) == 1


async def place_of(database: Autocommit, name: str) -> Place | None:
    """Return where the reader is, None when it has not begun."""
    return await database.one(_PLACE, name=name)


async def hold(tx: Transaction, name: str, position: int) -> bytes | None:
    """Keep others from moving the reader until the transaction ends; return its hash.

    Returns None when the reader is held by another transaction, or is not at the position.
    """
    held = await tx.one(_HOLD, name=name, position=position)
    return None if held is None else bytes(held.hash)


async def batch(
    database: Reader, position: int, digest: bytes, newest: int, *, table: str, kind: str, limit: int
) -> Batch:
    """Return at most so many entries of the kind after the position. Raises Replaced when the hash there is another."""
    if await hash_at(database, position) != digest:
        raise Replaced
    until = min(newest, position + WINDOW)
    rows = await database.all(_ENTRIES, position=position, until=until, table=table, kind=kind, limit=limit)
    if len(rows) == limit:
        until = rows[-1].position
    pruned = [row.position for row in rows if _is_pruned(row)]
    return Batch([row for row in rows if not _is_pruned(row)], until, max(pruned, default=None))


def _is_pruned(row: Entry) -> bool:
    return row.record_table is None  # pyright: ignore[reportUnnecessaryComparison] - outer join


def move(tx: Transaction, name: str, position: int, until: int) -> None:
    """Move the reader with the commit, which fails when the reader is not at the position any more."""
    tx.with_commit(_MOVE, name=name, from_position=position, until=until)


async def restart(tx: Transaction, name: str) -> None:
    """Move the reader to the newest position, whatever lies between."""
    await tx.run(_RESTART, name=name)


async def drop(database: Autocommit, name: str) -> bool:
    """Delete a reader; return False when there is none of this name."""
    return await database.run(_DROP, name=name) == 1


async def standings(database: Autocommit) -> list[Standing]:
    """Return all readers, also those that no release has any more."""
    return await database.all(_STANDINGS)


async def refuse_overdue(database: Autocommit, names: Collection[str]) -> None:
    """Raise ServiceUnavailable when one of the readers stands still before an entry."""
    if any(found.name in names and found.seconds > OVERDUE for found in await standings(database)):
        raise ServiceUnavailable
