"""Samples, rounds in alternation, and the figures that come out of them."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmarks import load
from benchmarks.machine import cpu_seconds

ORDER = ("limit", "ours", "ours", "limit", "peer")
"""One round: limit and ours take turns, so that a machine that slows down slows both."""


@dataclass(frozen=True)
class Sample:
    """One run; latencies in milliseconds, None if unknown; CPU in microseconds for each request, by what used it."""

    per_second: float
    p50: float
    p99: float | None
    cpu: dict[str, float]
    load_busy: float = 0.0


Run = Callable[[], Sample]
Rounds = dict[str, list[list[Sample]]]


@dataclass(frozen=True)
class Figure:
    """A value that the aims are about, with its minimum and maximum over the rounds."""

    what: str
    values: list[float]
    aim: float | None = None
    better: Literal["more", "less"] = "more"
    unit: str = ""

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    @property
    def holds(self) -> bool | None:
        """Whether the aim is reached; None where there is none."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.better == "more" else self.value <= self.aim

    def to_json(self) -> dict[str, Any]:
        known = asdict(self) | {"value": self.value, "min": min(self.values), "max": max(self.values)}
        return known | {"holds": self.holds}


@dataclass(frozen=True)
class Report:
    """What one row came to; `what` says for each contender what ran."""

    id: str
    title: str
    what: Mapping[str, str]
    rounds: Rounds
    figures: Sequence[Figure]
    notes: Sequence[str] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": self.title,
            "contenders": {name: _contender(self.what[name], rounds) for name, rounds in self.rounds.items()},
            "figures": [figure.to_json() for figure in self.figures],
            "notes": list(self.notes),
        }


def alternate(runs: Mapping[str, Run], rounds: int, order: Sequence[str] = ORDER) -> Rounds:
    """Run everybody in each round, in this order; return the samples by contender and round."""
    measured: Rounds = {name: [[] for _ in range(rounds)] for name in runs}
    for number in range(rounds):
        for name in order:
            if name in runs:
                measured[name][number].append(runs[name]())
    return measured


def ratios(rounds: Rounds, above: str, below: str) -> list[float]:
    """Return throughput ÷ throughput for each round, so that what disturbs a round disturbs both sides."""
    return [_mean(a) / _mean(b) for a, b in zip(rounds[above], rounds[below], strict=True)]


def measured_load(plan: load.Plan, processes: Mapping[str, Sequence[int]]) -> Sample:
    """Load a server, and charge each group of processes with the CPU it used for all requests, warm-up included."""
    before = {name: cpu_seconds(pids) for name, pids in processes.items()}
    outcome = load.run(plan)
    used = {name: cpu_seconds(pids) - before[name] for name, pids in processes.items()}
    cpu = {name: 1e6 * seconds / max(outcome.total, 1) for name, seconds in used.items()}
    return Sample(outcome.responded / outcome.seconds, outcome.p50, outcome.p99, cpu, outcome.busy)


def repeated_until(seconds: float, work: Callable[[], object]) -> float:
    """Do the work again and again; return how often in a second."""
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        work()
        count += 1
    return count / (time.perf_counter() - started)


def _mean(samples: Sequence[Sample]) -> float:
    return statistics.fmean(sample.per_second for sample in samples)


def _contender(what: str, rounds: list[list[Sample]]) -> dict[str, Any]:
    samples = [sample for round_ in rounds for sample in round_]
    rates = [sample.per_second for sample in samples]

    def median(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None

    return {
        "what": what,
        "per_second": {"median": median(rates), "min": min(rates), "max": max(rates), "all": rates},
        "p50_ms": median([sample.p50 for sample in samples]),
        "p99_ms": median([sample.p99 for sample in samples]),
        "cpu_us": {name: median([sample.cpu[name] for sample in samples]) for name in samples[0].cpu},
        "load_busy": median([sample.load_busy for sample in samples]),
    }
