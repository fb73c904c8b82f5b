"""A service whose PostgreSQL and NATS nobody brings back but the test, and traffic that keeps account of itself."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from given import Account
from recovery import TIMEOUT, until_well
from running import Program, Service

from accord.embedded import EmbeddedServer, nats, postgres

TRANSPORT = os.environ.get("FLOW_TRANSPORT", "local")
REQUEST_TIMEOUT = 30.0
LONGEST = 25.0
"""Seconds that a request may take while something is away: the wait for a connection, and some."""


class SmallNats(nats.EmbeddedNats):
    """It takes less than what requests and responses may have."""

    max_payload = 64 * 1024


class Deployment(Service):
    """A service on servers of its own that are not supervised."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.postgres: EmbeddedServer = postgres.start(folder / "servers")
        self.nats: EmbeddedServer = SmallNats(folder / "servers")
        self.nats.start()
        urls = {"DATABASE_URL": self.postgres.url, "NATS_URL": self.nats.url}
        chosen = {"REQUEST_TIMEOUT": f"{REQUEST_TIMEOUT:.0f}s", "RATE_LIMIT_ENABLED": "false", **environment}
        super().__init__(folder, TRANSPORT, **chosen, **urls)

    @property
    def database_url(self) -> str:
        return self.postgres.url

    @property
    def nats_url(self) -> str:
        return self.nats.url

    @property
    def front(self) -> Program:
        """The process that serves HTTP."""
        return self.programs[-1]

    @property
    def workers(self) -> list[Program]:
        return [program for program in self.programs if program.arguments == ("worker",)]

    def stop(self) -> None:
        super().stop()
        self.nats.stop()
        self.postgres.stop()


def kill(server: EmbeddedServer) -> None:
    """Kill it as the out-of-memory killer would, and wait until it is gone."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    while server.alive():
        time.sleep(0.01)


@asynccontextmanager
async def without(deployment: Deployment, server: EmbeddedServer) -> AsyncGenerator[None]:
    """Kill a server for the length of the block, then wait until the service is whole again."""
    await asyncio.to_thread(kill, server)
    try:
        yield
    finally:
        await asyncio.to_thread(server.restart_if_dead)
        await until_well(deployment)


@dataclass
class Traffic:
    """What clients saw: `(when, status, seconds)` of each response, and which changes were acknowledged."""

    responses: list[tuple[float, int, float]] = field(default_factory=list)
    acknowledged: dict[str, list[int]] = field(default_factory=dict)
    doubtful: dict[str, int] = field(default_factory=dict)
    without_retry_after: int = 0

    @property
    def statuses(self) -> set[int]:
        return {status for _, status, _ in self.responses}

    @property
    def slowest(self) -> float:
        return max(seconds for _, _, seconds in self.responses)

    def first_success_after(self, moment: float) -> float:
        """Return the seconds until something worked again."""
        return min(when - moment for when, status, _ in self.responses if status == 200 and when > moment)

    def note(self, response: httpx.Response, started: float) -> None:
        now = time.monotonic()
        self.responses.append((now, response.status_code, now - started))
        if response.status_code == 503 and "retry-after" not in response.headers:
            self.without_retry_after += 1


async def each_writes(seen: Traffic, times: int) -> None:
    """Wait until each of those who write has been told so often, from now on, that its change was made."""
    before = {writer: len(acknowledged) for writer, acknowledged in seen.acknowledged.items()}
    async with asyncio.timeout(TIMEOUT):
        while not before or any(len(seen.acknowledged[w]) < count + times for w, count in before.items()):
            before = before or {writer: len(acknowledged) for writer, acknowledged in seen.acknowledged.items()}
            await asyncio.sleep(0.02)


async def until_seen(seen: Traffic, status: int) -> None:
    """Wait until somebody got this status."""
    async with asyncio.timeout(TIMEOUT):
        while status not in seen.statuses:
            await asyncio.sleep(0.02)


@asynccontextmanager
async def traffic(writers: list[Account], readers: list[Account]) -> AsyncGenerator[Traffic]:
    """Let accounts change and read themselves until the block ends."""
    seen = Traffic()
    over = asyncio.Event()
    tasks = [asyncio.create_task(_write(one, seen, over)) for one in writers]
    tasks += [asyncio.create_task(_read(one, seen, over)) for one in readers]
    try:
        yield seen
    finally:
        over.set()
        await asyncio.gather(*tasks)


async def _write(me: Account, seen: Traffic, over: asyncio.Event) -> None:
    """Change the account again and again; after a doubtful response read what became of it."""
    acknowledged = seen.acknowledged.setdefault(me.id, [])
    version = (await me.get("/api/v1/me")).json()["version"]
    while not over.is_set():
        started = time.monotonic()
        response = await me.patch("/api/v1/me", expectedVersion=version, firstName=f"Name {version}")
        seen.note(response, started)
        if response.status_code == 200:
            version = response.json()["version"]
            acknowledged.append(version)
        else:
            seen.doubtful[me.id] = seen.doubtful.get(me.id, 0) + 1
            version = await _current_version(me, seen, over) or version


async def _current_version(me: Account, seen: Traffic, over: asyncio.Event) -> int | None:
    while not over.is_set():
        await asyncio.sleep(0.05)
        started = time.monotonic()
        response = await me.get("/api/v1/me")
        seen.note(response, started)
        if response.status_code == 200:
            return response.json()["version"]
    return None


async def _read(me: Account, seen: Traffic, over: asyncio.Event) -> None:
    while not over.is_set():
        started = time.monotonic()
        response = await me.get("/api/v1/me")
        seen.note(response, started)
        await asyncio.sleep(0 if response.status_code == 200 else 0.05)
