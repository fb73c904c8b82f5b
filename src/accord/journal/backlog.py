"""How far sequencing is behind, and whether a process leads: for metrics (O-5) and for `accord doctor`."""

from typing import NamedTuple

from prometheus_client import Gauge
from sqlalchemy import BigInteger, Boolean, Double, column, text

from accord.database.autocommit import Autocommit, Bounded
from accord.database.statement import Statement
from accord.journal.sequencer import IS_LED, Sequencer
from accord.telemetry import logs
from accord.telemetry.looks import look_every

INTERVAL = 2.0
"""Seconds between looks."""

OVERDUE = 5.0
"""Seconds after which an entry without position counts as overdue."""
NEWEST = 200
"""So many newest entries are counted always: the sequencer's low transaction id may be wrong."""

_entries = Gauge("accord_journal_backlog", "Committed journal entries that have no position yet.")
_overdue = Gauge("accord_journal_overdue", f"Committed journal entries without position for more than {OVERDUE:.0f} s.")
_lag = Gauge("accord_sequencer_lag_seconds", "Age of the oldest committed journal entry that has no position yet.")
_leading = Gauge("accord_sequencer_leading", "1 while this process gives entries their positions.")

_WAITS = "NOT EXISTS (SELECT FROM accord.journal_positions WHERE entry_id = entry.id)"


class Backlog(NamedTuple):
    """How many entries wait for their position, how many of them are overdue, and how long the oldest waits."""

    entries: int
    overdue: int
    seconds: float


class _HasLeader(NamedTuple):
    has_leader: bool


def _waiting(entries: str) -> Statement[Backlog]:
    return Statement(
        text(
            f"SELECT count(*) AS entries, count(*) FILTER (WHERE at < clock_timestamp() - interval '{OVERDUE} s')"  # noqa: S608 - the names are ours
            " AS overdue,"
            " COALESCE(GREATEST(EXTRACT(epoch FROM clock_timestamp() - min(at)), 0), 0)::double precision AS seconds"
            f" FROM ({entries}) waiting"
        ).columns(column("entries", BigInteger()), column("overdue", BigInteger()), column("seconds", Double())),
        Backlog,
    )


_BACKLOG = _waiting(
    f"SELECT id, at FROM accord.journal entry WHERE {_WAITS}"  # noqa: S608 - the names are ours
    " AND transaction_id >= (SELECT low_transaction_id FROM accord.journal_sequencer)"
    " AND transaction_id < (SELECT pg_snapshot_xmax(pg_current_snapshot()))"
    f" UNION SELECT id, at FROM (SELECT id, at"
    f" FROM accord.journal ORDER BY id DESC LIMIT {NEWEST}) entry WHERE {_WAITS}"
)
_ALL = _waiting(f"SELECT id, at FROM accord.journal entry WHERE {_WAITS}")  # noqa: S608 - the names are ours
_BY_INDEX = (
    b"SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    b" set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)"
)
_HAS_LEADER = Statement(
    text(f"SELECT {IS_LED} AS has_leader FROM accord.journal_sequencer").columns(column("has_leader", Boolean())),  # noqa: S608
    _HasLeader,
)


async def backlog(database: Autocommit) -> Backlog:
    """Return the backlog among the newest entries, and those from the sequencer's low transaction id on."""
    async with database.connection() as connection, connection.transaction():
        # The planner cannot know how few such entries exist, and would read the whole journal.
        await connection.execute(_BY_INDEX)
        [outcome] = await connection.run((_BACKLOG, {}))
    return outcome.rows[0]


async def whole_backlog(database: Autocommit) -> Backlog:
    """Return the backlog among all entries; the statement takes as long as reading the whole journal."""
    [row] = await database.all(_ALL)
    return row


async def has_leader(database: Autocommit) -> bool:
    """Return whether a process has the lease of the leading sequencer."""
    [row] = await database.all(_HAS_LEADER)
    return row.has_leader


async def measure(database: Bounded, sequencer: Sequencer | None) -> None:
    """Keep the metrics of this process current until cancelled; a process without a sequencer measures, too."""
    if sequencer is not None:
        _leading.set_function(lambda: sequencer.leads)
    was_overdue = False

    async def look() -> None:
        nonlocal was_overdue
        found = await backlog(database)
        _entries.set(found.entries)
        _overdue.set(found.overdue)
        _lag.set(found.seconds)
        if found.overdue and not was_overdue:
            logs.warning("Committed changes wait for their position.", entries=found.overdue, seconds=found.seconds)
        was_overdue = bool(found.overdue)

    await look_every(INTERVAL, look, "The backlog of the journal could not be measured.")
