"""One batch of stamping: which entries get the next positions, and writing them down.

Ids come from a sequence and are not commit order, so an entry may be stamped only when nothing can commit before it any
more: its transaction is below the horizon of the snapshot. That alone is not enough. Let B have a low transaction id,
wait for A's row lock, and commit while another transaction holds the horizon below A: B is below the horizon and A is
not, though B was made from what A left. So the entries are taken in id order, and the batch ends at the first visible
one that is not below the horizon. Entries are inserted after the row locks were taken, which makes the ids of entries
that depend on each other follow that dependency; what an entry depends on was committed before, so it is visible too.

Transaction ids count in one cluster only. Entries that came by a restore are told from others by their ids (restoring),
and get their positions first.
"""

from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import namedtuple_row

from accord.journal import chain, restoring
from accord.journal.clusters import IS_FOREIGN

MOST = 2000
"""Entries in one batch: enough to make its commit cheap for each, few enough to be quick."""

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
"""Options of a connection that stamps. The planner cannot know that next to nothing is unstamped, and would read the
whole journal each time: with 400,000 entries that took 50 ms instead of 1."""

CHUNK = 20_000
"""Ids of restored entries looked through at a time: most have their position, and a look must not take long."""

_COLUMNS = ", ".join(f"journal.{name}" for name in chain.COLUMNS)
_RELAY = f"""
horizon AS (
    SELECT pg_snapshot_xmin(snapshot) AS transaction_id, pg_snapshot_xmax(snapshot) AS next
    FROM pg_current_snapshot() snapshot
),
relay AS (
    SELECT position AS last_position, hash AS last_hash, low_transaction_id, next_restored_id, last_restored_id,
        {IS_FOREIGN} AS is_foreign
    FROM accord.journal_sequencer
)"""  # noqa: S608 - the names are ours

_ENTRIES = f"""
WITH {_RELAY},
unstamped AS MATERIALIZED (
    SELECT id, at, transaction_id FROM accord.journal
    WHERE transaction_id >= (SELECT low_transaction_id FROM relay)
      AND transaction_id < (SELECT next FROM horizon)
      AND id > (SELECT last_restored_id FROM relay)
      AND NOT EXISTS (SELECT FROM accord.journal_positions WHERE entry_id = journal.id)
),
batch AS (
    SELECT id, at FROM unstamped
    WHERE id < COALESCE(
        (SELECT min(id) FROM unstamped WHERE transaction_id >= (SELECT transaction_id FROM horizon)),
        9223372036854775807
    )
    ORDER BY id LIMIT %(most)s
)
SELECT relay.*, {_COLUMNS},
    LEAST(
        (SELECT transaction_id FROM horizon),
        (SELECT min(transaction_id) FROM unstamped WHERE id > (SELECT max(id) FROM batch))
    )::text AS next_low_transaction_id
FROM relay LEFT JOIN (batch JOIN accord.journal USING (id, at)) ON true ORDER BY id
"""  # noqa: S608 - the names are ours

_RESTORED_ENTRIES = f"""
WITH {_RELAY},
batch AS (
    SELECT id, at FROM accord.journal
    WHERE id BETWEEN %(first)s AND %(last)s
      AND NOT EXISTS (SELECT FROM accord.journal_positions WHERE entry_id = journal.id)
    ORDER BY id LIMIT %(most)s
)
SELECT relay.*, {_COLUMNS}
FROM relay LEFT JOIN (batch JOIN accord.journal USING (id, at)) ON true ORDER BY id
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
    """Another relay moved on from where this one stood; nothing was written."""


class Stamped(NamedTuple):
    """What a batch came to."""

    entries: int
    position: int
    hash: bytes


async def stamp(connection: Connection, most: int = MOST) -> Stamped | None:
    """Give the next entries their positions, durably and in one commit; None when there is nothing to stamp.

    Raises Superseded, and LockNotAvailable while a writer is at work on a journal that was restored.
    """
    rows = await _look(connection, _ENTRIES, most=most)
    if rows[0].is_foreign:
        await restoring.take_over(connection)
        rows = await _look(connection, _ENTRIES, most=most)
        if rows[0].is_foreign:
            raise RuntimeError("The row of journal_sequencer does not note who wrote it: is its trigger disabled?")
    if rows[0].next_restored_id <= rows[0].last_restored_id:
        return await _stamp_restored(connection, rows[0], most)
    if rows[0].id is None:
        return None
    return await _write(connection, rows, low=rows[0].next_low_transaction_id, restored=rows[0].next_restored_id)


async def _stamp_restored(connection: Connection, relay: Any, most: int) -> Stamped:
    """Stamp what came by a restore: all of it was committed, so the order of ids alone decides."""
    first, last = relay.next_restored_id, min(relay.last_restored_id, relay.next_restored_id + CHUNK - 1)
    rows = await _look(connection, _RESTORED_ENTRIES, first=first, last=last, most=most)
    is_cut = len(rows) == most and rows[0].id is not None
    return await _write(connection, rows, low=None, restored=(rows[-1].id if is_cut else last) + 1)


async def _look(connection: Connection, query: str, **values: Any) -> list[Any]:
    """Return a row for each entry, each with what the relay stands at; at least one, with an id that is None."""
    cursor = connection.cursor(row_factory=namedtuple_row)
    return await (await cursor.execute(query.encode(), values, prepare=True)).fetchall()


async def _write(connection: Connection, rows: list[Any], *, low: str | None, restored: int) -> Stamped:
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
    return Stamped(len(entries), started + len(entries), digest)
