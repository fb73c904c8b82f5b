"""Cursors: a position and the first 32 bits of the chain's hash there; a cursor is valid in its own history only.

A restored backup, or another installation, has the same positions with other entries behind them. The hash at a
position covers all entries before. So a client that has seen entries of another history is never told that no entry
was missed.
"""

from typing import NamedTuple, Self

from accord.database.reader import Reader
from accord.journal.reading import ChangeEntry, TailEntry, hash_at, sequencer_state

_MARK = 4
"""Bytes of the hash."""


class Cursor(NamedTuple):
    """A place in one history; `str` returns the text that clients keep and send back."""

    position: int
    mark: str

    @classmethod
    def of(cls, position: int, digest: bytes) -> Self:
        """Return the cursor at a position; before the first one the chain has no hash, and the mark is zeros."""
        return cls(position, digest[:_MARK].ljust(_MARK, b"\0").hex())

    @classmethod
    def of_entry(cls, entry: TailEntry | ChangeEntry) -> Self:
        """Return the cursor behind an entry, which brings its `position` and `hash`."""
        return cls.of(entry.position, entry.hash)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the cursor that a client sent; the contract has checked its form."""
        position, _, mark = text.partition(".")
        return cls(int(position), mark)

    def __str__(self) -> str:
        """Return the text of the cursor, such as `41.9f3a2b1c`."""
        return f"{self.position}.{self.mark}"


async def newest(database: Reader) -> Cursor:
    """Return the cursor at the end of the journal."""
    state = await sequencer_state(database)
    return Cursor.of(state.position, state.hash)


async def cursor_at(database: Reader, position: int) -> Cursor | None:
    """Return the cursor at a position, None when the journal has none there: one look-up by the primary key."""
    digest = await hash_at(database, position)
    return None if digest is None else Cursor.of(position, digest)


async def fits(database: Reader, cursor: Cursor) -> bool:
    """Return whether the cursor is of this journal's own history."""
    return await cursor_at(database, cursor.position) == cursor
