"""A journal of its own for tests of the sequencer, in a database of its own: written by hand-held transactions."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid4

import psycopg
from psycopg import AsyncConnection

from accord.database.migrations import runner
from accord.journal.sequencer import Sequencer
from accord.journal.sequencing import BATCH_LIMIT, Sequenced, assign_positions

INSERT = (
    "INSERT INTO accord.journal (request_id, actor_kind, operation"
    ", record_table, record_id, record_version, kind, fields)"
    " VALUES (%s, 'system', 'test', 'things', %s, %s, 'updated', '{}') RETURNING id"
)
ENTRIES = (
    "SELECT position, entry_id, request_id, record_id, record_version FROM accord.journal_positions"
    " JOIN accord.journal ON id = entry_id WHERE position > %s ORDER BY position"
)

STRANGERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL"
    " AND (datname IS DISTINCT FROM current_database() OR backend_type <> 'client backend')"
)


class Entry(NamedTuple):
    position: int
    id: int
    mark: str
    record: UUID
    version: int


class Writer:
    """One transaction, held by hand; what it writes to the journal is known by a mark."""

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self.connection = connection
        self.written: list[str] = []

    async def touch(self) -> None:
        """Get a transaction id, and nothing else."""
        await self.connection.execute("SELECT pg_current_xact_id()")

    async def write(self, mark: str, record: UUID | None = None) -> int:
        """Change a record, waiting for its row, and append to the journal as flows do: at the end; return the id."""
        version = 1
        if record is not None:
            row = await self.connection.execute(
                "INSERT INTO things VALUES (%s, 1) ON CONFLICT (id) DO UPDATE SET version = things.version + 1"
                " RETURNING version",
                [record],
            )
            [version] = await row.fetchone() or (0,)
        appended = await self.connection.execute(INSERT, [mark, record or uuid4(), version])
        [entry_id] = await appended.fetchone() or (0,)
        self.written.append(mark)
        return entry_id

    async def commit(self) -> None:
        await self.connection.commit()

    async def rollback(self) -> None:
        await self.connection.rollback()


class Ledger:
    """The journal, its writers, and a sequencer that is led by hand."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.url = url
        self._stack = stack
        self._connection: AsyncConnection[Any] | None = None
        self._four: list[Writer] = []
        self._idle: list[Writer] = []

    async def connect(self, *, autocommit: bool = True) -> AsyncConnection[Any]:
        connection = await AsyncConnection.connect(self.url, autocommit=autocommit, options="-c timezone=UTC")
        self._stack.push_async_callback(connection.close)
        return connection

    async def writer(self) -> Writer:
        return Writer(await self.connect(autocommit=False))

    async def four_writers(self) -> list[Writer]:
        """Return the same ones each time, for tests that come back."""
        while len(self._four) < 4:
            self._four.append(await self.writer())
        return self._four

    async def write(self, *marks: str) -> None:
        """Write and commit, one transaction each."""
        # Connections are used again, as all tests of a process share those of one server; each by one task at a time.
        writer = self._idle.pop() if self._idle else await self.writer()
        for mark in marks:
            await writer.write(mark)
            await writer.commit()
        self._idle.append(writer)

    async def assign_positions(self, limit: int = BATCH_LIMIT) -> Sequenced | None:
        """Sequence one batch, as a sequencer that leads would; nothing is held back but by transactions of the test."""
        await until_alone(await self._own())
        return await assign_positions(await self._own(), limit)

    async def until_waiting(self, connection: AsyncConnection[Any]) -> None:
        """Return once what this connection does waits for a lock."""
        own, waiting = await self._own(), "SELECT cardinality(pg_blocking_pids(%s)) > 0"
        async with asyncio.timeout(30):
            while not (await (await own.execute(waiting, [connection.info.backend_pid])).fetchone() or (False,))[0]:
                await asyncio.sleep(0.01)

    async def _own(self) -> AsyncConnection[Any]:
        if self._connection is None:
            self._connection = await self.connect()
        return self._connection

    async def read(self, after: int = 0) -> list[Entry]:
        """What a reader gets that has passed a position."""
        cursor = await (await self._own()).execute(ENTRIES, [after])
        return [Entry(*row) for row in await cursor.fetchall()]

    async def committed(self) -> set[str]:
        cursor = await (await self._own()).execute("SELECT request_id FROM accord.journal")
        return {mark for (mark,) in await cursor.fetchall()}

    async def until_sequenced(self, seconds: float = 30.0) -> list[Entry]:
        """Wait until every committed entry has its position, and return them all."""
        async with asyncio.timeout(seconds):
            while len(entries := await self.read()) < len(await self.committed()):
                await asyncio.sleep(0.01)
        return entries


async def until_alone(connection: AsyncConnection[Any]) -> None:
    """Wait until no transaction elsewhere, such as the service's or an ANALYZE, holds the horizon of all databases."""
    async with asyncio.timeout(30):
        while (await (await connection.execute(STRANGERS)).fetchone() or (0,))[0]:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def sequencing(
    ledger: Ledger, sequencer: Sequencer | None = None, **intervals: float
) -> AsyncIterator[Sequencer]:
    """Let a sequencer of this process, by default a new one with these intervals, lead or stand by within the block."""
    sequencer = sequencer or Sequencer(ledger.url, _announce_nothing, **intervals)
    task = asyncio.create_task(sequencer.run())
    try:
        yield sequencer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _announce_nothing(_position: int) -> None:
    return


async def until(is_true: Callable[[], object], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not is_true():
            await asyncio.sleep(0.01)


async def prepare(server_url: str) -> str:
    """Make a database with the tables of this release, to be copied; return its name."""
    name = f"ledger_{secrets.token_hex(6)}"
    await _run(server_url, f"CREATE DATABASE {name} TEMPLATE template0")
    await asyncio.to_thread(runner.upgrade, database_url(server_url, name))
    await _run(database_url(server_url, name), "CREATE TABLE things (id uuid PRIMARY KEY, version bigint NOT NULL)")
    return name


@asynccontextmanager
async def opened(server_url: str, template: str) -> AsyncIterator[Ledger]:
    name = f"{template}_{secrets.token_hex(4)}"
    await _run(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        async with AsyncExitStack() as stack:
            yield Ledger(database_url(server_url, name), stack)
    finally:
        await drop(server_url, name)


async def drop(server_url: str, name: str) -> None:
    await _run(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def database_url(server_url: str, name: str) -> str:
    """Return the address of another database of the same server."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


async def _run(url: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(statement.encode())
