"""One batch of stamping: which entries get the next positions, and writing them down.

Ids come from a sequence and are not commit order, so an entry may be stamped only when nothing can commit before it any
more: its transaction is below the horizon of the snapshot. That alone is not enough. Let B have a low transaction id,
wait for A's row lock, and commit while another transaction holds the horizon below A: B is below the horizon and A is
not, though B was made from what A left. So the entries are taken in id order, and the batch ends at the first visible
one that is not below the horizon. Entries are inserted after the row locks were taken, which makes the ids of entries
that depend on each other follow that dependency; what an entry depends on was committed before, so it is visible too.
"""

from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import namedtuple_row

from accord.journal import chain

MOST = 2000
"""Entries in one batch: enough to make its commit cheap for each, few enough to be quick."""

PLANS = " ".join(
    f"-c {setting}"
    for setting in (
        "timezone=UTC",
        "jit=off",
        "enable_seqscan=off",
        "enable_hashjoin=off",
        "enable_mergejoin=off",
        "max_parallel_workers_per_gather=0",
    )
)
"""Options of a connection that stamps. The planner cannot know that next to nothing is unstamped, and would read the
whole journal each time: with 400,000 entries that took 50 ms instead of 1."""

_ENTRIES = f"""
WITH horizon AS (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS transaction_id),
relay AS (SELECT position, hash, low_transaction_id FROM journal_relay),
unstamped AS MATERIALIZED (
    SELECT id, at, transaction_id FROM journal
    WHERE transaction_id >= (SELECT low_transaction_id FROM relay)
      AND NOT EXISTS (SELECT FROM journal_positions WHERE entry_id = journal.id)
),
batch AS (
    SELECT id, at FROM unstamped
    WHERE id < COALESCE(
        (SELECT min(id) FROM unstamped WHERE transaction_id >= (SELECT transaction_id FROM horizon)),
        9223372036854775807
    )
    ORDER BY id LIMIT %(most)s
)
SELECT {", ".join(f"journal.{name}" for name in chain.COLUMNS)},
    (SELECT position FROM relay) AS last_position,
    (SELECT hash FROM relay) AS last_hash,
    LEAST(
        (SELECT transaction_id FROM horizon),
        (SELECT min(transaction_id) FROM unstamped WHERE id > (SELECT max(id) FROM batch))
    )::text AS next_low_transaction_id
FROM batch JOIN journal USING (id, at) ORDER BY id
"""  # noqa: S608 - the names are ours

_WRITE = """
WITH moved AS (
    UPDATE journal_relay SET position = %(last)s, hash = %(hash)s, low_transaction_id = %(low)s::xid8
    WHERE position = %(from)s RETURNING 1
)
INSERT INTO journal_positions (position, entry_id, entry_at, hash)
SELECT * FROM unnest(%(positions)s::bigint[], %(ids)s::bigint[], %(times)s::timestamptz[], %(hashes)s::bytea[])
WHERE EXISTS (SELECT FROM moved)
"""

Connection = AsyncConnection[tuple[Any, ...]]


class Superseded(Exception):
    """Another relay moved on from where this one stood; nothing was written."""


class Stamped(NamedTuple):
    """What a batch came to."""

    entries: int
    position: int
    hash: bytes


async def stamp(connection: Connection, most: int = MOST) -> Stamped | None:
    """Give the next entries their positions, durably and in one commit; None when there is nothing to stamp."""
    cursor = connection.cursor(row_factory=namedtuple_row)
    entries: list[Any] = await (await cursor.execute(_ENTRIES, {"most": most}, prepare=True)).fetchall()
    if not entries:
        return None
    position, previous = entries[0].last_position, entries[0].last_hash
    started = position
    positions: list[int] = []
    hashes: list[bytes] = []
    for entry in entries:
        position += 1
        previous = chain.link(previous, position, entry)
        positions.append(position)
        hashes.append(previous)
    done = await connection.execute(
        _WRITE,
        {
            "last": position,
            "hash": previous,
            "low": entries[0].next_low_transaction_id,
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
    return Stamped(len(entries), position, previous)
