"""The metrics of readers (O-5); a process without metrics never imports them, but for a failure."""

from collections.abc import Collection

from prometheus_client import Counter, Gauge

from accord.database.autocommit import Bounded
from accord.journal.readers import standings
from accord.telemetry.looks import look_every

INTERVAL = 2.0
"""Seconds between looks."""

failures = Counter("accord_reader_failures", "Attempts of a reaction after the commit that failed.", ["reader"])
_behind = Gauge("accord_reader_lag_entries", "Entries that a reader of the journal has not passed yet.", ["reader"])
_still = Gauge("accord_reader_still_seconds", "How long a reader stands still before an entry.", ["reader"])


async def measure(database: Bounded, names: Collection[str]) -> None:
    """Keep the metrics of these readers current until cancelled; return if there is none."""
    for name in names:
        failures.labels(name)

    async def look() -> None:
        for found in await standings(database):
            if found.name in names:
                _behind.labels(found.name).set(found.behind)
                _still.labels(found.name).set(found.seconds)

    if names:
        await look_every(INTERVAL, look, "The readers of the journal could not be measured.")
