"""One batch of sequencing: choosing the entries that get the next positions, and writing the positions.

Ids come from a database sequence and are not commit order, so an entry may get a position only when no other can commit
before it any more: its transaction is below the horizon of the snapshot. That alone is not enough. Let B have a low
transaction id, wait for A's row lock, and commit while another transaction holds the horizon below A: B is below the
horizon and A is not, though B was made from the row that A left. So entries are taken in id order, and the batch ends
at the first visible entry that is not below the horizon. Entries are inserted after the row locks were taken, which
makes the ids of entries that depend on each other follow that dependency; an entry that another depends on was
committed before, so that entry is visible, too.

Transaction ids count in one cluster only. Restored entries are told from others by their ids (`journal.restoring`), and
get their positions first.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from accord.journal import chain, restoring
from accord.journal.clusters import IS_FOREIGN

BATCH_LIMIT = 2000
"""The most entries in one batch: many share the cost of a commit, and a batch stays quick."""

PLANS = " ".join(
    f"-c {setting}"
    for setting in (
        "timezone=UTC",
        "search_path=public",
        "jit=off",
        "enable_seqscan=off",
        "enable_hashjoin=off",
        "enable_mergejoin=off",
        "max_parallel_workers_per_gather=0",
    )
)
"""Options of the sequencer's connection. The planner cannot know that almost every entry has a position, and would read
the whole journal each time: with 400,000 entries that took 50 ms instead of 1."""

CHUNK = 20_000
"""Ids of restored entries in one look: most have their position already, and a look must be quick."""


class Waiting(NamedTuple):
    """The state of the sequencer, and an entry that waits for its position.

    Without such an entry, `id` and the fields after it are None. The fields are in the order of the columns.
    """

    last_position: int
    last_hash: bytes
    next_restored_id: int
    last_restored_id: int
    is_foreign: bool
    next_low_transaction_id: str | None
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


_COLUMNS = ", ".join(Waiting._fields)
_STATE = f"""
horizon AS (
    SELECT pg_snapshot_xmin(snapshot) AS transaction_id, pg_snapshot_xmax(snapshot) AS next
    FROM pg_current_snapshot() snapshot
),
sequencer AS (
    SELECT position AS last_position, hash AS last_hash, low_transaction_id, next_restored_id, last_restored_id,
        {IS_FOREIGN} AS is_foreign
    FROM accord.journal_sequencer
)"""  # noqa: S608 - the names are ours

_ENTRIES = f"""
WITH {_STATE},
unsequenced AS MATERIALIZED (
    SELECT id, at, transaction_id FROM accord.journal
    WHERE transaction_id >= (SELECT low_transaction_id FROM sequencer)
      AND transaction_id < (SELECT next FROM horizon)
      AND id > (SELECT last_restored_id FROM sequencer)
      AND NOT EXISTS (SELECT FROM accord.journal_positions WHERE entry_id = journal.id)
),
batch AS (
    SELECT id, at FROM unsequenced
    WHERE id < COALESCE(
        (SELECT min(id) FROM unsequenced WHERE transaction_id >= (SELECT transaction_id FROM horizon)),
        9223372036854775807
    )
    ORDER BY id LIMIT %(limit)s
)
SELECT {_COLUMNS} FROM sequencer CROSS JOIN (
    SELECT LEAST(
        (SELECT transaction_id FROM horizon),
        (SELECT min(transaction_id) FROM unsequenced WHERE id > (SELECT max(id) FROM batch))
    )::text AS next_low_transaction_id
) low
LEFT JOIN (batch JOIN accord.journal USING (id, at)) ON true ORDER BY id
"""  # noqa: S608 - the names are ours

_RESTORED_ENTRIES = f"""
WITH {_STATE},
batch AS (
    SELECT id, at FROM accord.journal
    WHERE id BETWEEN %(first)s AND %(last)s
      AND NOT EXISTS (SELECT FROM accord.journal_positions WHERE entry_id = journal.id)
    ORDER BY id LIMIT %(limit)s
)
SELECT {_COLUMNS} FROM sequencer CROSS JOIN (SELECT NULL AS next_low_transaction_id) low
LEFT JOIN (batch JOIN accord.journal USING (id, at)) ON true ORDER BY id
"""  # noqa: S608 - the names are ours

_WRITE = """
WITH moved AS (
    UPDATE accord.journal_sequencer SET position = %(position)s, hash = %(hash)s,
        low_transaction_id = COALESCE(%(low)s::xid8, low_transaction_id), next_restored_id = %(restored)s
    WHERE position = %(from)s RETURNING 1
)
INSERT INTO accord.journal_positions (position, entry_id, entry_at, hash)
SELECT * FROM unnest(%(positions)s::bigint[], %(ids)s::bigint[], %(times)s::timestamptz[], %(hashes)s::bytea[])
WHERE EXISTS (SELECT FROM moved)
"""

Connection = AsyncConnection[tuple[Any, ...]]


class Superseded(Exception):
    """Another sequencer wrote the positions of this batch; nothing was written."""


class Sequenced(NamedTuple):
    """The result of a batch: how many entries got a position, the last position, and the hash there."""

    entries: int
    position: int
    hash: bytes


async def assign_positions(connection: Connection, limit: int = BATCH_LIMIT) -> Sequenced | None:
    """Give the next entries their positions, durably and in one commit; None when no entry waits.

    Raises Superseded, and LockNotAvailable while a writer is at work on a journal that was restored.
    """
    rows = await _look(connection, _ENTRIES, limit=limit)
    if rows[0].is_foreign:
        await restoring.take_over(connection)
        rows = await _look(connection, _ENTRIES, limit=limit)
        if rows[0].is_foreign:
            raise RuntimeError("The row of journal_sequencer does not note its transaction: is its trigger disabled?")
    if rows[0].next_restored_id <= rows[0].last_restored_id:
        return await _assign_to_restored(connection, rows[0], limit)
    if rows[0].id is None:
        return None
    return await _write(connection, rows, low=rows[0].next_low_transaction_id, restored=rows[0].next_restored_id)


async def _assign_to_restored(connection: Connection, sequencer: Waiting, limit: int) -> Sequenced:
    """Give restored entries their positions in the order of ids: all restored entries were committed."""
    first, last = sequencer.next_restored_id, min(sequencer.last_restored_id, sequencer.next_restored_id + CHUNK - 1)
    rows = await _look(connection, _RESTORED_ENTRIES, first=first, last=last, limit=limit)
    newest = rows[-1].id
    restored = newest if newest is not None and len(rows) == limit else last
    return await _write(connection, rows, low=None, restored=restored + 1)


async def _look(connection: Connection, query: str, **values: Any) -> list[Waiting]:
    """Return a row for each entry, each with the sequencer's state; without entries one row whose id is None."""
    cursor = connection.cursor(row_factory=_row)
    return await (await cursor.execute(query.encode(), values, prepare=True)).fetchall()


def _row(_: object) -> Callable[[Sequence[Any]], Waiting]:
    return Waiting._make


async def _write(connection: Connection, rows: list[Waiting], *, low: str | None, restored: int) -> Sequenced:
    started, digest = rows[0].last_position, rows[0].last_hash
    entries = [row for row in rows if row.id is not None]
    positions = list(range(started + 1, started + 1 + len(entries)))
    hashes: list[bytes] = []
    for position, entry in zip(positions, entries, strict=True):
        digest = chain.link(digest, position, entry)
        hashes.append(digest)
    done = await connection.execute(
        _WRITE,
        {
            "position": started + len(entries),
            "hash": digest,
            "low": low,
            "restored": restored,
            "from": started,
            "positions": positions,
            "ids": [entry.id for entry in entries],
            "times": [entry.at for entry in entries],
            "hashes": hashes,
        },
        prepare=True,
    )
    if done.rowcount != len(entries):
        raise Superseded
    return Sequenced(len(entries), started + len(entries), digest)
