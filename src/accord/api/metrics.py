"""Prometheus metrics (O-5); children are bound once for each operation and status, as looking labels up is slow."""

from collections.abc import Callable
from functools import cache

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

from accord.database.pool import Database

_requests = Histogram(
    "accord_request_seconds",
    "Requests: count and duration by operation and status.",
    ["operation", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30),
)
_logins = Counter("accord_logins", "Sign-ins by result.", ["result"])
_conflicts = Counter("accord_conflicts", "Refused stale changes by operation.", ["operation"])


@cache
def _observer(operation: str, status: int) -> Callable[[float], None]:
    return _requests.labels(operation, str(status)).observe


def request_done(operation: str, status: int, seconds: float, error_code: str | None) -> None:
    """Count one answered request."""
    _observer(operation, status)(seconds)
    if error_code == "VERSION_CONFLICT":
        _conflicts.labels(operation).inc()
    if operation == "login":
        _logins.labels(error_code or "OK").inc()


def watch(database: Database) -> None:
    """Show the state of the pool."""
    for name in ("size", "available", "waiting"):
        gauge = Gauge(f"accord_pool_{name}", f"Database connections: {name}.")
        gauge.set_function(lambda name=name: database.statistics()[name])


def page() -> bytes:
    """Return all metrics in the text format."""
    return generate_latest(REGISTRY)
