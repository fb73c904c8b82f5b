"""Login: how much of the machine's hashing becomes logins, and what other requests feel meanwhile.

Nothing is pinned here: hashing uses every core.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Thread

import argon2

from accord.security.passwords import hashing_threads
from accord.settings import Settings
from benchmarks import load
from benchmarks.machine import EVERYWHERE, pinned_to
from benchmarks.measure import Figure, Report, Sample, alternate, measured_load, ratios, repeated_until
from benchmarks.programs import Program
from benchmarks.stage import PASSWORD, Stage

OTHERS = 4
SIGNING_IN = range(1000, 1008)
"""The numbers of accounts of their own: signing in again and again ends an account's oldest sessions."""
PAUSE = 0.01
"""Seconds between the other requests of one client: 4 clients ask about 400 times a second."""


class SigningIn:
    """A client that signs in to its own account again and again."""

    def __init__(self, email: str) -> None:
        body = json.dumps({"email": email, "password": PASSWORD}).encode()
        self._request = load.request("POST", "/api/v1/auth/login", body=body)

    def request(self) -> bytes:
        return self._request

    def accepts(self, status: bytes, body: bytes) -> bool:
        return status == b"200" and b'"accessToken"' in body


@dataclass(frozen=True)
class Login:
    id: str = "login"
    order: int = 6
    title: str = "Login: argon2 at the rate of the threads"

    def measure(self, stage: Stage) -> Report:
        program = stage.floating("accord", "serve", "--port", "0")
        others, idle, meanwhile = _others(stage, program), [], []
        emails = [account.email for account in stage.new_accounts(SIGNING_IN)]

        def ours() -> Sample:
            return _while_others_ask(lambda: _sign_in(stage, program, emails), others, meanwhile)

        def limit() -> Sample:
            idle.append(load.run(others).p99)
            return _hashing(stage.effort.seconds)

        try:
            rounds = alternate({"limit": limit, "ours": ours}, stage.effort.rounds)
        finally:
            program.stop()
        figures = [
            Figure("ours ÷ limit", ratios(rounds, "ours", "limit"), 0.9),
            Figure(
                "p99 of other requests ÷ idle",
                [busy / quiet for busy, quiet in zip(meanwhile, idle, strict=True)],
                3,
                "less",
            ),
            Figure("p99 of other requests, idle", idle, unit="ms"),
            Figure("p99 of other requests, meanwhile", meanwhile, unit="ms"),
        ]
        what = {
            "limit": f"{hashing_threads(Settings())} threads that verify the same hash and do nothing else",
            "ours": f"POST /api/v1/auth/login by {len(SIGNING_IN)} clients, while {OTHERS} others ask GET /me",
        }
        return Report(self.id, self.title, what, rounds, figures, ["Nothing is pinned to a core in this row."])


ROW = Login()


def _sign_in(stage: Stage, program: Program, emails: list[str]) -> Sample:
    effort = stage.effort
    arguments = [{"email": email} for email in emails]
    plan = load.Plan(program.port, arguments, f"{__name__}:SigningIn", effort.seconds, effort.warm_up, pinned=False)
    return measured_load(plan, {"server": [program.pid], "postgresql": [stage.postgres_pid()]})


def _others(stage: Stage, program: Program) -> load.Plan:
    requests = [load.request("GET", "/api/v1/me", account.token) for account in stage.accounts[:OTHERS]]
    arguments = [{"request": r.decode(), "expected": load.response_to(program.port, r)[1].decode()} for r in requests]
    return load.Plan(program.port, arguments, seconds=stage.effort.seconds, pause=PAUSE, pinned=False)


def _while_others_ask(work, others: load.Plan, p99s: list[float]) -> Sample:
    asking = Thread(target=lambda: p99s.append(load.run(others).p99))
    asking.start()
    sample = work()
    asking.join()
    return sample


def _hashing(seconds: float) -> Sample:
    """Verify on all threads at once, so that cores which share their parts count for what they are."""
    settings = Settings()
    hasher = argon2.PasswordHasher(settings.argon2_time_cost, settings.argon2_memory_kib, settings.argon2_parallelism)
    stored = hasher.hash(PASSWORD)
    started, cpu = time.perf_counter(), time.process_time()
    threads = hashing_threads(settings)
    with pinned_to(EVERYWHERE), ThreadPoolExecutor(threads) as pool:
        rates = list(
            pool.map(lambda _: repeated_until(seconds, lambda: hasher.verify(stored, PASSWORD)), range(threads))
        )
    total = sum(rates) * (time.perf_counter() - started)
    each = 1000 * threads / sum(rates)
    return Sample(sum(rates), each, None, {"server": 1e6 * (time.process_time() - cpu) / total})
