"""How far stamping is behind, and whether anybody does it: for metrics (O-5) and for `accord doctor`."""

import asyncio
from typing import Any

from prometheus_client import Gauge
from sqlalchemy import BigInteger, Boolean, Double, bindparam, column, text

from accord import logs
from accord.database.pool import Database
from accord.database.statement import Statement
from accord.problems import Problem
from accord.relay.leader import LOCK, Relay

INTERVAL = 2.0
"""Seconds between looks."""

_entries = Gauge("accord_journal_backlog", "Committed journal entries that have no position yet.")
_lag = Gauge("accord_relay_lag_seconds", "Age of the oldest committed journal entry that has no position yet.")
_leading = Gauge("accord_relay_leading", "1 while this process gives entries their positions.")

_BACKLOG = Statement(
    text(
        "SELECT count(*) AS entries,"
        " COALESCE(GREATEST(EXTRACT(epoch FROM clock_timestamp() - min(at)), 0), 0)::double precision AS seconds"
        " FROM journal WHERE transaction_id >= (SELECT low_transaction_id FROM journal_relay)"
        " AND NOT EXISTS (SELECT FROM journal_positions WHERE entry_id = journal.id)"
    ).columns(column("entries", BigInteger()), column("seconds", Double()))
)
_BY_INDEX = (
    b"SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
    b" set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)"
)
_IS_RELAYED = Statement(
    text(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND (classid::bigint << 32) + objid::bigint = :lock) AS relayed"
    )
    .bindparams(bindparam("lock", type_=BigInteger()))
    .columns(column("relayed", Boolean()))
)


async def backlog(database: Database) -> Any:
    """Return how many `entries` wait for their position, and for how many `seconds` the oldest has."""
    async with database.connection() as connection, connection.transaction():
        # The planner cannot know how few there are, and would read the whole journal.
        await connection.execute(_BY_INDEX)
        [outcome] = await connection.run((_BACKLOG, {}))
    return outcome.rows[0]


async def is_relayed(database: Database) -> bool:
    """Say whether some process has the lock that the leading relay holds."""
    return (await database.one(_IS_RELAYED, lock=LOCK)).relayed


async def measure(database: Database, relay: Relay | None) -> None:
    """Keep the metrics of this process current until cancelled; a process without a relay sees the backlog, too."""
    if relay is not None:
        _leading.set_function(lambda: relay.leads)
    while True:
        try:
            found = await backlog(database)
            _entries.set(found.entries)
            _lag.set(found.seconds)
        except Problem as problem:
            logs.debug("The backlog of the journal could not be measured.", reason=problem.code)
        await asyncio.sleep(INTERVAL)
