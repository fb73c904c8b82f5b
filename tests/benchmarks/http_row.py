"""A row whose three contenders answer HTTP: a limit program, Accord, and a peer, each in one process on one core."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import load
from benchmarks.measure import Figure, Report, Run, Sample, alternate, measured_load, ratios
from benchmarks.programs import Program
from benchmarks.stage import Account, Stage

ONE_CLIENT_BUSY = 0.9
"""Past this part of its core the client may be what is measured."""


@dataclass(frozen=True)
class Aims:
    """The least ratios of ours to the limit program and to the peer."""

    limit: float | None = None
    peer: float | None = None


@dataclass(frozen=True)
class HttpRow:
    """`limit` and `peer` describe the functions of these names in `module`, which make the ASGI applications.

    `request` makes the request of an account; it is asked with the token that the contender takes.
    """

    id: str
    order: int
    title: str
    module: str
    limit: str
    peer: str
    aims: Aims
    request: Callable[[str], bytes]
    has_accounts: bool = False

    def measure(self, stage: Stage) -> Report:
        """Start the contenders, make sure they answer the same, and take turns."""
        extra = {"RESPONSE_HEADERS": self._our_headers(stage)}
        if self.has_accounts:
            extra["ACCOUNTS"] = stage.accounts_file
        programs = {
            "limit": stage.start("benchmarks.serving", self.module, "limit", **extra),
            "peer": stage.start("benchmarks.serving", self.module, "peer", **extra),
            "ours": stage.ours,
        }
        try:
            plans = {name: self._plan(stage, name, program) for name, program in programs.items()}
            _refuse_different_responses(plans)
            rounds = alternate(
                {name: self._run(stage, plan, programs[name]) for name, plan in plans.items()}, stage.effort.rounds
            )
        finally:
            programs["limit"].stop()
            programs["peer"].stop()
        figures = [
            Figure("ours ÷ limit", ratios(rounds, "ours", "limit"), self.aims.limit),
            Figure("ours ÷ peer", ratios(rounds, "ours", "peer"), self.aims.peer),
        ]
        what = {"limit": self.limit, "ours": "Accord, everything on but rate limits", "peer": self.peer}
        return Report(self.id, self.title, what, rounds, figures)

    def _our_headers(self, stage: Stage) -> str:
        """The limit program sends what Accord sends: as many headers, and as long."""
        account = stage.accounts[0] if self.has_accounts else None
        head = load.response_to(stage.ours.port, self.request(_token(account, "ours")))[0]
        return json.dumps([(name, value) for name, value in head if name not in {"date", "content-length"}])

    def _plan(self, stage: Stage, name: str, program: Program) -> load.Plan:
        effort = stage.effort
        accounts: list[Account | None] = list(stage.accounts) if self.has_accounts else [None] * effort.clients
        requests = [self.request(_token(account, name)) for account in accounts]
        port = program.port
        arguments = [
            {"request": sent.decode(), "expected": load.response_to(port, sent)[1].decode()} for sent in requests
        ]
        return load.Plan(port, arguments, seconds=effort.seconds, warm_up=effort.warm_up)

    def _run(self, stage: Stage, plan: load.Plan, program: Program) -> Run:
        processes = {"server": [program.pid]}
        if self.has_accounts:
            processes["postgresql"] = [stage.postgres_pid()]

        def run() -> Sample:
            return measured_load(plan, processes)

        return run


def _token(account: Account | None, name: str) -> str:
    if account is None:
        return ""
    return account.peer_token if name == "peer" else account.token


def _refuse_different_responses(plans: dict[str, load.Plan]) -> None:
    """Programs that answer something else cannot be compared."""
    responses = {name: [_parsed(a["expected"]) for a in plan.arguments] for name, plan in plans.items()}
    for name, given in responses.items():
        assert given == responses["ours"], f"{name} answers {given[0]}, Accord {responses['ours'][0]}"


def _parsed(body: str) -> Any:
    return json.loads(body)
