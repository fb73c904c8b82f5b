"""J-6: kill -9 at random points; after the restart every committed entry is sequenced once and reaches its readers."""

import asyncio
import os
import random
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from given import PASSWORD, details
from ledger import Ledger, Writer
from psycopg import AsyncConnection
from running import Program, Service

from accord.database.database import Database
from accord.embedded import nats
from accord.journal import checkpoints, reading
from accord.journal.keys import JournalKeys, known
from accord.journal.verification import verify
from accord.security.tokens import AccessTokens
from accord.settings import load

WRITERS = 6
SEEDS = 10
MANY_SEEDS = 200
BEHIND = "SELECT (SELECT count(*) FROM accord.journal) - (SELECT position FROM accord.journal_sequencer)"
HELD_UP = "SELECT 1 FROM accord.journal WHERE transaction_id > %s::xid8 LIMIT 1"


@dataclass
class Crashing:
    """One server that writes and may sequence, one worker that may sequence, and what was seen of both."""

    service: Service
    ledger: Ledger
    database: Database
    connection: AsyncConnection[Any]
    holder: Writer
    chance: random.Random = field(default_factory=random.Random)
    programs: dict[str, Program] = field(default_factory=dict)
    url: str = ""
    tokens: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    delivered: list[Any] = field(default_factory=list)
    position: int = 0
    is_over: bool = False
    """Whether those who write are to stop after what they have sent."""
    windows: int = 0
    """How often a kill left committed entries behind that were not sequenced yet."""

    async def start(self, name: str) -> None:
        """Start the server or the worker, again or for the first time."""
        arguments = ("serve", "--port", "0") if name == "server" else ("worker",)
        number = len(self.service.programs)
        if name in self.programs:
            self.programs[name].process.wait()
        program = self.programs[name] = self.service.run(f"{name}-{number}", *arguments)
        ready = r"listens on (\S+)" if name == "server" else r"(worker is ready)"
        found = await asyncio.to_thread(program.wait_for, ready)
        if name == "server":
            self.url = found

    async def write_until_killed(self, number: int) -> None:
        """Change one account again and again; remember what the server said it had done."""
        headers = {"Authorization": f"Bearer {self.tokens[number]}"}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30) as http:
            with suppress(httpx.TransportError):
                version = (await http.get("/api/v1/me")).json()["version"]
                while not self.is_over:
                    body = {"expectedVersion": version, "firstName": f"Name {version}"}
                    response = await http.patch("/api/v1/me", json=body)
                    if response.status_code == 200:
                        self.acknowledged.add(response.headers["x-request-id"])
                    version = response.json().get("currentVersion") or response.json()["version"]

    async def follow(self) -> None:
        """Read by position from where it stood last; die now and then before noting how far it came."""
        while entries := await reading.read(self.database, self.position, self.chance.choice([1, 20, 500])):
            positions = [entry.position for entry in entries]
            assert positions == list(range(self.position + 1, self.position + 1 + len(entries)))
            self.delivered += positions
            if self.chance.random() < 0.8:
                self.position = positions[-1]

    async def crash(self, seed: int) -> None:
        """Let it write, kill some of it at a random point, and start that again."""
        self.chance, self.is_over = random.Random(seed), False
        writing = [asyncio.create_task(self.write_until_killed(number)) for number in range(WRITERS)]
        await self._until_the_moment(["sequencing", "held", "catching up"][seed % 3])
        victims = self.chance.choice([["server"], ["worker"], ["worker", "server"], ["server", "worker"]])
        for name in victims:
            self.programs[name].process.send_signal(signal.SIGKILL)
        [(behind,)] = await (await self.connection.execute(BEHIND)).fetchall()
        self.windows += behind > 0
        await self.holder.rollback()
        print(f"seed {seed}: killed {' and '.join(victims)}, {behind} entries not sequenced yet")  # noqa: T201
        await self.follow()
        await asyncio.gather(*(self.start(name) for name in victims))
        self.is_over = True
        await asyncio.gather(*writing, return_exceptions=True)
        await self.judge()

    async def _until_the_moment(self, mode: str) -> None:
        """Wait for a random time; an open transaction may hold sequencing up until then, or until just before."""
        if mode != "sequencing":
            await self.holder.touch()
        await asyncio.sleep(self.chance.uniform(0.05, 0.3))
        if mode == "held":
            await self._until_something_is_held_up()
        if mode == "catching up":
            await self.holder.rollback()
            await asyncio.sleep(self.chance.uniform(0, 0.02))

    async def _until_something_is_held_up(self) -> None:
        [transaction] = await (await self.holder.connection.execute("SELECT pg_current_xact_id()")).fetchone() or (0,)
        async with asyncio.timeout(30):
            while not await (await self.connection.execute(HELD_UP, [transaction])).fetchone():
                await asyncio.sleep(0.01)

    async def judge(self) -> None:
        entries = await self.ledger.until_sequenced()
        assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
        assert len({entry.id for entry in entries}) == len(entries)
        assert self.acknowledged <= {entry.mark for entry in entries}
        last: dict[Any, int] = {}
        for entry in entries:
            if entry.version is not None:
                assert entry.version == last.get(entry.record, 0) + 1
                last[entry.record] = entry.version
        await self.follow()
        await self.follow()
        assert set(self.delivered) == {entry.position for entry in entries}

    async def verdict(self) -> Any:
        settings = load({"DATA_DIR": self.service.environment["DATA_DIR"]})
        kept = await checkpoints.load_checkpoints(self.database, settings.data_dir)
        keys = JournalKeys(settings, AccessTokens(settings))
        return await verify(self.database, kept, await known(self.database, settings.data_dir, keys, kept))


@pytest.fixture
async def crashing(ledger: Ledger) -> AsyncIterator[Crashing]:
    with tempfile.TemporaryDirectory(prefix="accord-tests-") as folder:
        server = nats.start(Path(folder) / "data")
        environment = {"DATABASE_URL": ledger.url, "NATS_URL": server.url, "RATE_LIMIT_ENABLED": "false"}
        service = Service(Path(folder), "local", **environment)
        database = Database(ledger.url, 2)
        await database.open()
        running = Crashing(service, ledger, database, await ledger.connect(), await ledger.writer())
        try:
            await asyncio.gather(running.start("server"), running.start("worker"))
            async with httpx.AsyncClient(base_url=running.url, timeout=30) as http:
                running.tokens = [await _token(http) for _ in range(WRITERS)]
            yield running
        finally:
            await database.close()
            service.stop()
            server.stop()


async def _token(http: httpx.AsyncClient) -> str:
    person = details()
    assert (await http.post("/api/v1/auth/register", json=person)).status_code == 201
    response = await http.post("/api/v1/auth/login", json={"email": person["email"], "password": PASSWORD})
    return response.json()["accessToken"]


@pytest.mark.parametrize("count", [SEEDS, pytest.param(MANY_SEEDS, marks=pytest.mark.faults)])
async def test_after_kill_9_every_committed_entry_gets_one_position_and_is_delivered(crashing, count):
    if count == SEEDS and os.environ.get("FLOW_TRANSPORT") == "nats":
        pytest.skip("It starts its own processes, the same ones whatever the transport of the other tests is.")
    first = int(os.environ.get("SEED") or random.randrange(1_000_000))

    for seed in range(first, first + count):
        await crashing.crash(seed)

    verdict = await crashing.verdict()
    assert verdict.broken_at is None, verdict
    assert verdict.verified == len(set(crashing.delivered))
    print(f"{crashing.windows} of {count} kills came between a commit and its sequence")  # noqa: T201
    assert crashing.windows > 0
