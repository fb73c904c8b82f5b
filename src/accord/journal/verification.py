"""Verifies the whole journal: every hash is right, no position is missing, no entry is cut off at the end."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select

from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.journal import chain
from accord.journal.checkpoints import Checkpoint
from accord.journal.clusters import last_restore
from accord.journal.keys import Trusted
from accord.journal.reading import sequencer_state
from accord.journal.tables import journal, journal_positions, of_position

BATCH = 500
"""Entries compared at a time: other tasks of the event loop wait for one batch, not for the whole journal."""


class _Position(NamedTuple):
    position: int
    hash: bytes
    id: int | None
    at: datetime
    request_id: str
    actor_kind: str
    actor_id: UUID | None
    organisation_id: UUID | None
    operation: str
    record_table: str
    record_id: UUID
    record_version: int | None
    kind: str
    fields: dict[str, Any]
    list_keys: list[str]


_POSITIONS = Statement(
    select(journal_positions.c.position, journal_positions.c.hash, *(journal.c[name] for name in chain.COLUMNS))
    .outerjoin(journal, of_position)
    .where(journal_positions.c.position > bindparam("after"))
    .order_by(journal_positions.c.position)
    .limit(bindparam("limit")),
    _Position,
)


class Verdict(NamedTuple):
    """How far the journal is sound; `broken_at` is the first position with a fault, and `reason` names the fault."""

    verified: int
    position: int
    broken_at: int | None = None
    reason: str | None = None


async def verify(database: Reader, checkpoints: list[Checkpoint], keys: Mapping[str, Trusted]) -> Verdict:
    """Walk the chain from its start, or the last pruned position, to the last one sequenced or attested."""
    forged = await _forged(checkpoints, keys)
    if forged is not None:
        return forged
    # A checkpoint past the last position of its key is no evidence: a thief of the key may have signed it. The later
    # checkpoints of the key's successor are evidence.
    checkpoints = [c for c in checkpoints if c.position <= keys[c.key_id].until]
    sequencer = await sequencer_state(database)
    start = max((c for c in checkpoints if c.pruned), default=None, key=lambda c: c.position)
    position, previous = (start.position, start.hash) if start else (0, chain.START)
    attested = {c.position: c.hash for c in checkpoints}
    verified = 0
    async for row in _rows(database, position, sequencer.position):
        position += 1
        reason = _fault(row, position, previous, attested)
        if reason is not None:
            return Verdict(verified, sequencer.position, position, reason)
        previous = row.hash
        verified += 1
    end = max([sequencer.position, *attested])
    if position < end:
        is_whole = position == sequencer.position and previous == sequencer.hash
        restore = await last_restore(database) if is_whole else None
        return Verdict(verified, sequencer.position, position + 1, _cut_off(position, restore))
    if previous != sequencer.hash:
        return Verdict(verified, sequencer.position, position, "the sequencer remembers another hash")
    return Verdict(verified, sequencer.position)


def _cut_off(position: int, restore: int | None) -> str:
    """Name the restore that explains later checkpoints; a fault all the same, as an attacker may feign a restore."""
    if restore is None:
        return "the entries from here on were cut off"
    return (
        f"checkpoints after position {position} are of the history before the restore at position {restore}, or"
        " entries were cut off; see `Restoring an older backup` in docs/guides/operating.md to archive them"
    )


async def _forged(checkpoints: Iterable[Checkpoint], keys: Mapping[str, Trusted]) -> Verdict | None:
    for number, checkpoint in enumerate(checkpoints):
        trusted = keys.get(checkpoint.key_id)
        if trusted is None:
            reason = (
                f"the checkpoint here is signed by the key {checkpoint.key_id}, which is neither in"
                " JOURNAL_PREVIOUS_PUBLIC_KEYS nor endorsed by a later key"
            )
            return Verdict(0, 0, checkpoint.position, reason)
        if not checkpoint.is_signed_by(trusted.key):
            return Verdict(0, 0, checkpoint.position, "the checkpoint here is not signed by its key")
        if number % 50 == 0:  # Verifying a signature takes some 100 µs.
            await asyncio.sleep(0)
    return None


async def _rows(database: Reader, after: int, end: int) -> AsyncIterator[_Position]:
    """Yield the row of each position up to `end`; the journal grows meanwhile."""
    while rows := await database.all(_POSITIONS, after=after, limit=BATCH):
        for row in rows:
            if row.position > end:
                return
            yield row
        after = rows[-1].position


def _fault(row: _Position, position: int, previous: bytes, attested: Mapping[int, bytes]) -> str | None:
    if row.position != position:
        return "the position is missing"
    if row.id is None:
        return "the entry was deleted"
    if row.hash != chain.link(previous, position, row):
        return "the entry is not the one that was sequenced"
    if attested.get(position, row.hash) != row.hash:
        return "a signed checkpoint has another hash"
    return None
