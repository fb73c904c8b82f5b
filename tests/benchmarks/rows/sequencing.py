"""J-5: from an entry's insertion, just before its commit, to its position; and how many a second are sequenced."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from benchmarks import load
from benchmarks.measure import Figure, Report, Rounds, Sample, alternate, measured_load
from benchmarks.rows.patch_me import Changes, Patching
from benchmarks.stage import Stage

RATE = 500
"""Changes a second in the paced run."""
RESPONSE = 0.003
"""About how long a response takes then, in seconds."""
TIMEOUT = 60.0
_LAG = """
SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM sequenced_at - at))
FROM accord.journal_positions JOIN accord.journal ON id = entry_id AND at = entry_at
WHERE position > %s AND operation = 'updateMe'
"""
_BEHIND = "SELECT (SELECT count(*) FROM accord.journal) - (SELECT position FROM accord.journal_sequencer)"
_FILL = """
INSERT INTO accord.journal (request_id, actor_kind, operation, record_table, record_id, record_version, kind, fields)
SELECT md5(n::text), 'system', 'benchmark', 'users', gen_random_uuid(), 2, 'updated', '{"firstName": "Grace"}'
FROM generate_series(1, %s) n
"""
_POSITION = "SELECT position FROM accord.journal_sequencer"


@dataclass(frozen=True)
class Sequencing:
    id: str = "sequencing"
    order: int = 8
    title: str = "Commit to position in the journal"

    def measure(self, stage: Stage) -> Report:
        changes = Changes(stage)
        kept_up: list[float] = []

        def paced() -> Sample:
            return _changing(stage, changes, pause=len(stage.accounts) / RATE - RESPONSE)[0]

        def full() -> Sample:
            sample, sequenced_at_once = _changing(stage, changes, pause=0.0)
            kept_up.append(sequenced_at_once)
            return sample

        rounds = alternate({"ours": paced, "full": full}, stage.effort.rounds, ("ours", "full"))
        sequenced = [_catch_up(stage, 100 * stage.effort.clients) for _ in range(stage.effort.rounds)]
        written = _rates(rounds, "full")
        figures = [
            Figure(f"p50 at {RATE}/s", [one.p50 for [one] in rounds["ours"]], None, "less", "ms"),
            Figure(f"p99 at {RATE}/s", [one.p99 or 0.0 for [one] in rounds["ours"]], 20, "less", "ms"),
            Figure("sequenced ÷ written when full load ends", kept_up, 0.99),
            Figure("catching up ÷ write rate", [a / b for a, b in zip(sequenced, written, strict=True)], 1),
        ]
        what = {
            "ours": "PATCH /me over HTTP, paced; p50 and p99 are of the way from insertion to position",
            "full": f"the same as fast as {stage.effort.clients} clients go",
        }
        notes = [f"A backlog is sequenced at {sorted(sequenced)[len(sequenced) // 2]:,.0f} entries/s (median)."]
        return Report(self.id, self.title, what, rounds, figures, notes)


ROW = Sequencing()


def _rates(rounds: Rounds, name: str) -> list[float]:
    return [sample.per_second for [sample] in rounds[name]]


def _changing(stage: Stage, changes: Changes, *, pause: float) -> tuple[Sample, float]:
    """Return what was written, with the lag as latency, and the share that had its position when the load ended."""
    versions = changes.versions()
    arguments = [{"token": a.token, "version": v} for a, v in zip(stage.accounts, versions, strict=True)]
    caller = f"{Patching.__module__}:{Patching.__name__}"
    effort = stage.effort
    plan = load.Plan(stage.ours.port, arguments, caller, 2 * effort.seconds, effort.warm_up, pause)
    with _connected(stage) as connection:
        [(position,)] = connection.execute(_POSITION).fetchall()
        sample = measured_load(plan, {"server": [stage.ours.pid], "postgresql": [stage.postgres_pid()]})
        [(behind,)] = connection.execute(_BEHIND).fetchall()
        _until_sequenced(connection)
        [([p50, p99],)] = connection.execute(_LAG, [position]).fetchall()
        [(end,)] = connection.execute(_POSITION).fetchall()
    return replace(sample, p50=p50, p99=p99), 1 - behind / (end - position)


def _catch_up(stage: Stage, entries: int) -> float:
    """Return how many entries a second are sequenced when many wait: an open transaction held them back."""
    with _connected(stage) as holder, _connected(stage) as connection:
        holder.autocommit = False
        holder.execute("SELECT pg_current_xact_id()")
        connection.execute(_FILL, [entries])
        holder.rollback()
        started = time.perf_counter()
        _until_sequenced(connection)
        return entries / (time.perf_counter() - started)


def _until_sequenced(connection: psycopg.Connection[Any]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while connection.execute(_BEHIND).fetchall() != [(0,)]:
        assert time.monotonic() < deadline, "the sequencer does not sequence"
        time.sleep(0.005)


@contextmanager
def _connected(stage: Stage) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(stage.postgres.url, autocommit=True) as connection:
        yield connection
