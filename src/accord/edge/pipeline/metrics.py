"""Prometheus metrics (O-5). Labels are looked up once for each combination, as the lookup costs more than the count."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import cache
from itertools import accumulate
from typing import Any

from prometheus_client import REGISTRY, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from accord import clock
from accord.context import Caller, RequestInfo
from accord.contract.operations import Operation
from accord.database.database import Database
from accord.dispatch import Dispatch, Result
from accord.mail.counts import outcomes
from accord.messaging.refused_messages import refused
from accord.outbound import breaker
from accord.problems import VersionConflict

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)
"""Upper limits in seconds; REQUEST_TIMEOUT ends longer requests."""


class Durations(Collector):
    """A histogram in plain lists, as only the event loop counts; prometheus_client takes a lock for each number."""

    def __init__(self, name: str, explanation: str, labels: list[str]) -> None:
        """Register under this name."""
        self._name, self._explanation, self._labels = name, explanation, labels
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._sums: dict[tuple[str, ...], list[float]] = {}
        REGISTRY.register(self)

    def observer(self, *labels: str) -> Callable[[float], None]:
        """Return a function that counts one duration in seconds under these labels; call it in the event loop only."""
        counts = self._counts.setdefault(labels, [0] * (len(BUCKETS) + 1))
        total = self._sums.setdefault(labels, [0.0])

        def observe(seconds: float) -> None:
            counts[bisect_left(BUCKETS, seconds)] += 1
            total[0] += seconds

        return observe

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histogram for Prometheus, where each bucket includes the smaller ones."""
        family = HistogramMetricFamily(self._name, self._explanation, labels=self._labels)
        limits = [*map(str, BUCKETS), "+Inf"]
        for labels, counts in self._counts.items():
            family.add_metric(labels, list(zip(limits, accumulate(counts), strict=True)), self._sums[labels][0])
        yield family


class DatabasePool(Collector):
    """The state of the connections to PostgreSQL, and the clock skew, read at each scrape."""

    def __init__(self, database: Database) -> None:
        """Register with prometheus_client."""
        self._database = database
        REGISTRY.register(self)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges for Prometheus."""
        statistics = self._database.statistics()
        connections = GaugeMetricFamily("accord_pool_connections", "Connections to PostgreSQL.", labels=["state"])
        connections.add_metric(["in_use"], statistics["size"] - statistics["available"])
        connections.add_metric(["idle"], statistics["available"])
        yield connections
        yield GaugeMetricFamily(
            "accord_clock_skew_seconds", "How far this machine's clock is ahead of the database's.", clock.skew()
        )
        yield GaugeMetricFamily("accord_pool_waiting", "Requests that wait for a connection.", statistics["waiting"])


class RefusedMessages(Collector):
    """Messages on NATS that were dropped; counted in `messaging.refused_messages`, which does not import Prometheus."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the counter for Prometheus."""
        family = CounterMetricFamily("accord_messages_refused", "Messages on NATS that were dropped.", labels=["kind"])
        for kind, count in sorted(refused.items()):
            family.add_metric([kind], count)
        yield family


class Outside(Collector):
    """Calls to servers outside; counted without Prometheus, as most workers are never asked for metrics."""

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """Yield mails and breakers for Prometheus."""
        mails = CounterMetricFamily("accord_mails", "Mails by outcome of an attempt.", labels=["outcome"])
        for outcome, count in sorted(outcomes.items()):
            mails.add_metric([outcome], count)
        yield mails
        breakers = GaugeMetricFamily(
            "accord_breakers", "Destinations outside by kind and state of their breaker.", labels=["kind", "state"]
        )
        for (kind, state), count in sorted(breaker.states().items()):
            breakers.add_metric([kind, state], count)
        yield breakers


REGISTRY.register(RefusedMessages())
REGISTRY.register(Outside())
_requests = Durations("accord_request_seconds", "Requests by operation and status.", ["operation", "status"])
_flows = Durations(
    "accord_flow_seconds",
    "Flows with commit and the way to a worker, by operation and status.",
    ["operation", "status"],
)
_logins = Counter("accord_logins", "Sign-ins by result.", ["result"])
_conflicts = Counter("accord_conflicts", "Refused stale changes by table.", ["table"])
unreadable_addresses = Counter(
    "accord_unreadable_addresses", "Requests whose trusted proxy named no address in X-Forwarded-For."
)


@cache
def _request(operation: str, status: int) -> Callable[[float], None]:
    return _requests.observer(operation, str(status))


@cache
def _flow(operation: str, status: int) -> Callable[[float], None]:
    return _flows.observer(operation, str(status))


def request_done(operation: str, status: int, seconds: float, error_code: str | None) -> None:
    """Count one request whose response was sent."""
    _request(operation, status)(seconds)
    if operation == "login":
        _logins.labels(error_code or "OK").inc()


def flow_done(operation: Operation, result: Result, seconds: float) -> None:
    """Count one flow that ran, and its version conflict, if any."""
    _flow(operation.id, result.status)(seconds)
    if result.error_code == VersionConflict.code:
        _conflicts.labels(result.table or operation.domain).inc()


def measured(dispatch: Dispatch) -> Dispatch:
    """Return the same dispatch, with its flows and their conflicts counted."""

    async def run(operation: Operation, caller: Caller, request: RequestInfo, inputs: dict[str, Any]) -> Result:
        started = time.perf_counter()
        result = await dispatch(operation, caller, request, inputs)
        flow_done(operation, result, time.perf_counter() - started)
        return result

    return run


def watch(database: Database) -> None:
    """Export the state of this process's pool."""
    DatabasePool(database)


def page() -> bytes:
    """Return all metrics in Prometheus's text format."""
    return generate_latest(REGISTRY)
