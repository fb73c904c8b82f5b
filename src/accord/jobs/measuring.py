"""The gauges of the queue: how many jobs are in each state, and how long the oldest ready one waits (O-5)."""

from prometheus_client import Gauge

from accord.database.autocommit import Bounded
from accord.queue.figures import counts, oldest_ready, paused_queues
from accord.telemetry.looks import look_every

INTERVAL = 5.0
"""Seconds between looks."""

_jobs = Gauge("accord_jobs", "Jobs by queue and state, 100,000 at most.", ["queue", "state"])
_paused = Gauge("accord_queue_paused", "1 for a paused queue, by queue.", ["queue"])
_oldest = Gauge(
    "accord_jobs_oldest_ready_seconds", "Time that the oldest job waits that could run, by queue.", ["queue"]
)


async def measure(database: Bounded) -> None:
    """Keep the gauges of this process current until cancelled."""
    known: set[tuple[str, str]] = set()

    async def look() -> None:
        found = {(count.queue, count.state): count.jobs for count in await counts(database)}
        waiting = {each.queue: each.seconds for each in await oldest_ready(database)}
        paused = await paused_queues(database)
        known.update(found)
        for queue, state in known:
            _jobs.labels(queue, state).set(found.get((queue, state), 0))
            _oldest.labels(queue).set(waiting.get(queue, 0.0))
            _paused.labels(queue).set(queue in paused)

    await look_every(INTERVAL, look, "The jobs could not be counted.")
