"""Retention: whole months of the journal are dropped; a signed checkpoint keeps the last position and its hash."""

from datetime import date
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import BigInteger, Date, bindparam, cast, column, func, select, text

from accord.database import locking
from accord.database.database import Database
from accord.database.statement import Statement
from accord.journal import partitions
from accord.journal.checkpoints import load_checkpoints, save_checkpoint, sign
from accord.journal.keys import JournalKeys, endorse_predecessors
from accord.journal.readers import Standing, standings
from accord.journal.reading import hash_at, sequencer_state
from accord.journal.tables import journal, journal_positions, of_position
from accord.problems import CannotStart

_of_month = (journal.c.at >= cast(bindparam("start"), Date), journal.c.at < cast(bindparam("end"), Date))


class _Positions(NamedTuple):
    entries: int
    sequenced: int
    position: int | None


_LAST_POSITION = Statement(
    select(
        func.count(journal.c.id).label("entries"),
        func.count(journal_positions.c.position).label("sequenced"),
        func.max(journal_positions.c.position, type_=BigInteger).label("position"),
    )
    .select_from(journal.outerjoin(journal_positions, of_position))
    .where(*_of_month),
    _Positions,
)


class _Today(NamedTuple):
    today: date


_TODAY = Statement(
    text("SELECT (now() AT TIME ZONE 'UTC')::date AS today").columns(column("today", Date())),
    _Today,
)


class Pruned(NamedTuple):
    """One month that was pruned."""

    month: partitions.Month
    entries: int


ATTEMPTS = 40
"""Attempts to drop a month, over about as many seconds as two long statements last."""


class Held(Exception):
    """An open transaction kept a month from being pruned; the months in `done` are gone."""

    def __init__(self, done: list[Pruned]) -> None:
        """Take the months that are gone."""
        super().__init__()
        self.done = done


class HeldByReader(Held):
    """A reader has not passed all entries of a month; the months in `done` are gone."""

    def __init__(self, done: list[Pruned], reader: Standing) -> None:
        """Take the months that are gone, and the reader that is furthest behind."""
        super().__init__(done)
        self.reader = reader


async def prune(database: Database, data_dir: Path | None, before: date, keys: JournalKeys) -> list[Pruned]:
    """Drop the months that end before a day, oldest first; stop at a month with entries that are not sequenced yet.

    Raises Held when a month could not be locked in ATTEMPTS attempts; other transactions work in between. Raises
    HeldByReader before a month with entries that a reaction after the commit still needs. Raises CannotStart for a day
    after today: a mistyped year must not drop the month that is being written.
    """
    [row] = await database.all(_TODAY)
    if before > row.today:
        raise CannotStart(
            f"Nothing was dropped: {before} is after today, {row.today} (UTC). Name today or an earlier day."
        )
    position = (await sequencer_state(database)).position
    await endorse_predecessors(database, data_dir, keys, await load_checkpoints(database, data_dir), position)
    done: list[Pruned] = []
    for month in await partitions.existing(database):
        if month.next.first > before:
            break
        [of_month] = await database.all(_LAST_POSITION, start=month.first, end=month.next.first)
        if of_month.sequenced != of_month.entries:
            break
        if of_month.position is not None:
            last = min(await standings(database), key=lambda reader: reader.position, default=None)
            if last is not None and last.position < of_month.position:
                raise HeldByReader(done, last)
            digest = await hash_at(database, of_month.position)
            assert digest is not None
            # First the checkpoint: without the checkpoint the chain looks broken; without the drop no harm is done.
            await save_checkpoint(database, data_dir, sign(keys, of_month.position, digest, pruned=True))
        if not await locking.alone(database, f"DROP TABLE IF EXISTS accord.{month.partition}", attempts=ATTEMPTS):
            raise Held(done)
        done.append(Pruned(month, of_month.entries))
    return done
