"""Commit → live socket: how long after a change is in the journal its followers hear of it, at 500 writes/s."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import load, sockets
from benchmarks.machine import LOAD
from benchmarks.measure import Figure, Report, Rounds, Sample, measured_load
from benchmarks.rows.patch_me import PATH, Patching
from benchmarks.stage import Stage, ask

WRITES_PER_SECOND = 500
LATENCY = 0.003
"""Seconds that one change takes, about; it is part of the pace."""

__all__ = ["ROW", "Patching"]


@dataclass(frozen=True)
class LiveLatency:
    id: str = "live_latency"
    order: int = 8
    title: str = "Commit → live socket, at 500 writes/s"

    def measure(self, stage: Stage) -> Report:
        heard: list[dict[str, float]] = []
        rounds: Rounds = {"ours": []}
        for _ in range(stage.effort.rounds):
            sample, found = _run(stage)
            rounds["ours"].append([sample])
            heard.append(found)
        figures = [
            Figure("p50", [one["p50"] for one in heard], 5, "less", "ms"),
            Figure("p99", [one["p99"] for one in heard], 25, "less", "ms"),
        ]
        what = {"ours": "PATCH /me from clients that pause between changes; each account has a socket that follows it"}
        total = sum(one["count"] for one in heard)
        notes = [
            f"{total:,.0f} changes heard. Counted from the `at` of the journal entry, which is before its commit.",
            "The latencies of the program are those of the changes themselves.",
        ]
        return Report(self.id, self.title, what, rounds, figures, notes)


ROW = LiveLatency()


def _run(stage: Stage) -> tuple[Sample, dict[str, float]]:
    ours, effort = stage.ours, stage.effort
    greetings = [_greetings(account) for account in stage.accounts]
    followed = sockets.Plan(ours.port, ours.pid, len(greetings), greetings, 3, effort.seconds)
    listening = stage.start("benchmarks.sockets", "listen", json.dumps(asdict(followed)), cores=LOAD)
    listening.wait_for("(listening)")
    arguments = [
        {"token": a.token, "version": json.loads(ask(ours.port, "GET", PATH, token=a.token)[1])["version"]}
        for a in stage.accounts
    ]
    pause = max(0.0, len(stage.accounts) / WRITES_PER_SECOND - LATENCY)
    plan = load.Plan(
        ours.port, arguments, f"{__name__}:Patching", seconds=effort.seconds, warm_up=effort.warm_up, pause=pause
    )
    sample = measured_load(plan, {"server": [ours.pid], "postgresql": [stage.postgres_pid()]})
    listening.process.wait(60)
    return sample, json.loads(listening.wait_for(r"(\{.*\})"))


def _greetings(account: Any) -> list[str]:
    return [
        json.dumps({"type": "authenticate", "token": account.token}),
        json.dumps({"type": "subscribe", "key": f"getRecord:users:{account.id}"}),
    ]
