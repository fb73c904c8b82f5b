"""The real service for tests: its own processes, PostgreSQL and NATS, on free ports and an empty data folder."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx

from accord.embedded.nats import EmbeddedNats
from accord.embedded.postgres import EmbeddedPostgres

ROOT_EMAIL = "root@example.com"
ROOT_PASSWORD = "the root of every test 1"
START_TIMEOUT = 120.0
NO_JOBS = "none"
"""The queues of a process beside the service of a test: jobs that tests wait for run in that service alone."""
# Every test is a client of its own address, so that the rate limits stay on and nobody uses up another's.
ENVIRONMENT = {"TRUSTED_PROXIES": "127.0.0.1", "LOG_LEVEL": "info", "ENV": "test"}


@dataclass
class Program:
    """One `accord` process and what it printed."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> Self:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "accord", *self.arguments],
                env={**os.environ, **ENVIRONMENT, **self.environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        return self

    def wait_for(self, pattern: str) -> str:
        """Return the first group of what the process prints, once it does."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            found = re.search(pattern, self.output())
            if found:
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"{self.arguments} did not print {pattern!r}:\n{self.output()}")

    def output(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(60)


class Service:
    """`accord serve`, or with the transport `nats` one gateway and two workers, on one data folder."""

    def __init__(self, folder: Path, transport: str = "local", **environment: str) -> None:
        self.folder = folder
        self.transport = transport
        self.environment = {"DATA_DIR": str(folder / "data"), "FLOW_TRANSPORT": transport, **environment}
        self.programs: list[Program] = []
        self.url = ""

    def start(self) -> Self:
        if self.transport == "nats":
            for number in (1, 2):
                self.run(f"worker-{number}", "worker").wait_for(r"(worker is ready)")
        server = self.run("server", "gateway" if self.transport == "nats" else "serve", "--port", "0")
        self.url = server.wait_for(r"listens on (\S+)")
        self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        """Wait for the workers, too: on a busy machine a process may find NATS only after it said that it is there."""
        deadline = time.monotonic() + START_TIMEOUT
        while not self.is_ready():
            assert time.monotonic() < deadline, self.logs
            time.sleep(0.05)

    def run(self, name: str, *arguments: str, **environment: str) -> Program:
        """Start another process of this service."""
        self.folder.mkdir(parents=True, exist_ok=True)
        program = Program(arguments, {**self.environment, **environment}, self.folder / f"{name}.log")
        self.programs.append(program.start())
        return program

    def run_beside(self, name: str, *arguments: str, **environment: str) -> Program:
        """Start another process that runs no jobs: tests look at the process that runs them."""
        return self.run(name, *arguments, **{"JOB_QUEUES": NO_JOBS, **environment})

    def command(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `accord` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "accord", *arguments],
            env={**os.environ, **ENVIRONMENT, **self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def seed_root(self) -> None:
        done = self.command("db", "seed", "--email", ROOT_EMAIL, ROOT_PASSWORD=ROOT_PASSWORD)
        assert done.returncode == 0, done.stderr

    @property
    def database_url(self) -> str:
        """Where this service's PostgreSQL is, for tests that look behind the interface."""
        return EmbeddedPostgres(Path(self.environment["DATA_DIR"])).url

    @property
    def nats_url(self) -> str:
        return EmbeddedNats(self.folder / "data").url

    @property
    def production(self) -> dict[str, str]:
        """The settings of a process in production that works with the others of this service, and sends no mail."""
        folder = self.folder / "data" / "keys"
        return {
            "ENV": "production",
            "DATABASE_URL": self.database_url,
            "NATS_URL": self.nats_url,
            "FLOW_TRANSPORT": "local",
            "SHUTDOWN_DELAY": "0s",
            "JWT_PRIVATE_KEY": (folder / "jwt.pem").read_text(),
            "JOURNAL_PRIVATE_KEY": (folder / "journal.pem").read_text(),
            "FLOW_SIGNING_KEY": (folder / "flow.key").read_text(),
            "SMTP_URL": "smtp://127.0.0.1:9",  # the port that discards
            "MAIL_FROM": "Accord <no-reply@example.org>",
            "PUBLIC_URL": "https://accord.example.org",
            "JOB_QUEUES": NO_JOBS,
        }

    @property
    def logs(self) -> str:
        """Everything that the processes printed."""
        return "".join(program.output() for program in self.programs)

    def stop(self) -> None:
        for program in reversed(self.programs):
            program.stop()

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=30).status_code == 200
        except httpx.TransportError:
            return False
