"""What all rows share: one PostgreSQL and one NATS, Accord on them, and accounts that are signed in."""

import http.client
import json
import os
import socket
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import jwt

from accord.embedded import nats, postgres
from benchmarks.machine import BEHIND, EVERYWHERE, SERVER, Cores, pinned_to
from benchmarks.programs import Program

PASSWORD = "some words nobody guesses 9"
PEER_SECRET = "the secret with which the peer's tokens are signed"
POOL_SIZE = 10
"""Connections to PostgreSQL of each program: Accord's default."""


@dataclass(frozen=True)
class Account:
    """A user of Accord; `peer_token` is what the peer's own check accepts: HS256, as FastAPI's tutorial has it."""

    id: str
    email: str
    token: str
    peer_token: str


@dataclass(frozen=True)
class Effort:
    """How long and how often; `quick` serves development and the smoke test."""

    rounds: int = 5
    seconds: float = 1.5
    warm_up: float = 0.3
    clients: int = 32

    @classmethod
    def quick(cls) -> "Effort":
        return cls(rounds=1, seconds=0.3, warm_up=0.1, clients=8)


@dataclass
class Stage:
    """Everything that runs during the benchmarks; leaving it stops all of it."""

    effort: Effort
    profile: Path | None = None
    """The file into which Python's profiler writes about Accord when the stage ends."""
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._stack.__enter__()
        # The system account that PostgreSQL runs under must be able to reach it.
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="accord-bench-")))
        with pinned_to(BEHIND):
            self.postgres = postgres.start(self.folder / "data")
            self._stack.callback(self.postgres.stop)
            self.nats = nats.start(self.folder / "data")
            self._stack.callback(self.nats.stop)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.__exit__(*exception)  # type: ignore[arg-type]

    @property
    def environment(self) -> dict[str, str]:
        """Accord's settings: all defaults but for the rate limits, which would refuse the load, and long tokens."""
        return {
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
            "DATABASE_URL": self.postgres.url,
            "DATABASE_POOL_SIZE": str(POOL_SIZE),
            "NATS_URL": self.nats.url,
            "DATA_DIR": str(self.folder / "data"),
            "RATE_LIMIT_ENABLED": "false",
            "ACCESS_TOKEN_TTL": "3600",
        }

    def start(self, module: str, *arguments: str, cores: Cores = SERVER, **environment: str) -> Program:
        """Start a program that stops with the stage."""
        program = Program(
            module, *arguments, folder=self.folder, environment=self.environment | environment, cores=cores
        )
        self._stack.callback(program.stop)
        return program

    @cached_property
    def ours(self) -> Program:
        """Accord as `accord serve` runs it, flows in its own process, on the server's core."""
        profiler = () if self.profile is None else ("cProfile", "-o", str(self.profile), "-m")
        return self.start(*profiler, "accord", "serve", "--port", "0")

    @cached_property
    def accounts(self) -> list[Account]:
        """One account for each client."""
        return self.new_accounts(range(self.effort.clients))

    def new_accounts(self, numbers: range) -> list[Account]:
        """Make accounts and sign in over HTTP."""
        port = self.ours.port
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda number: _account(port, number), numbers))

    @cached_property
    def accounts_file(self) -> str:
        """The accounts for programs that must know which token belongs to whom."""
        file = self.folder / "accounts.json"
        file.write_text(json.dumps({account.token: account.id for account in self.accounts}))
        return str(file)

    def floating(self, module: str, *arguments: str, **environment: str) -> Program:
        """Start a program that may use every core."""
        return self.start(module, *arguments, cores=EVERYWHERE, **environment)

    def postgres_pid(self) -> int:
        assert self.postgres.pid is not None
        return self.postgres.pid

    def nats_pid(self) -> int:
        assert self.nats.pid is not None
        return self.nats.pid


def ask(port: int, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, bytes]:
    """Send one request outside of any measurement; return status and body."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _account(port: int, number: int) -> Account:
    email = f"bench-{number}@example.com"
    person = {"email": email, "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace"}
    status, body = ask(port, "POST", "/api/v1/auth/register", person)
    assert status == 201, body
    user_id = json.loads(body)["id"]
    status, body = ask(port, "POST", "/api/v1/auth/login", {"email": email, "password": PASSWORD})
    assert status == 200, body
    peer_token = jwt.encode({"sub": user_id, "exp": 4_102_444_800}, PEER_SECRET, "HS256")
    return Account(user_id, email, json.loads(body)["accessToken"], peer_token)
