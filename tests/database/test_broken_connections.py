"""What PostgreSQL may do to a pool: end a backend, take no writes, have no room, let nobody more in."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import uvloop
from processes import once, wait_until
from psycopg import errors
from sqlalchemy import text

from accord.cli.doctor.database import writing
from accord.database.database import ACQUIRE_TIMEOUT, WRITE_INTERVAL, Database
from accord.database.errors import Errors
from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.embedded import EmbeddedServer, postgres
from accord.problems import Deadlock, ServiceUnavailable
from accord.telemetry import logs

pytestmark = once
NUMBER = Statement(text("SELECT 1 AS number"))
ADDRESS = Statement(text("SELECT current_setting('unix_socket_directories') AS folder"))
ISOLATION = Statement(text("SELECT current_setting('transaction_isolation') AS level"))
WRITE = Statement(text("INSERT INTO things DEFAULT VALUES RETURNING pg_backend_pid() AS backend"))
LONG = Statement(text("SELECT repeat('x', 1000) AS line FROM generate_series(1, 20)"))
SLEEP = Statement(text("SELECT pg_sleep(0.2)"))
THINGS = "CREATE TABLE IF NOT EXISTS things (id bigint GENERATED ALWAYS AS IDENTITY)"


@contextmanager
def running() -> Iterator[EmbeddedServer]:
    # Not below pytest's own folder: a second run by root closes that to PostgreSQL's account while it is in use.
    with tempfile.TemporaryDirectory(prefix="accord-tests-") as folder:
        server = postgres.start(Path(folder))
        try:
            sql(server, THINGS)
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    """A PostgreSQL whose settings a test may change; it sets them back."""
    with running() as server:
        yield server


@pytest.fixture
async def opened() -> AsyncIterator[Callable[..., Any]]:
    """Opens pools: `await opened(url, size)`."""
    async with AsyncExitStack() as stack:

        async def open_one(url: str, size: int) -> Database:
            database = Database(url, size)
            await database.open()
            stack.push_async_callback(database.close)
            return database

        yield open_one


def sql(server: EmbeddedServer, *statements: str) -> None:
    """Run statements, once the server has recovered from what a test did to it."""
    wait_until(lambda: responds(server))
    with psycopg.connect(server.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def responds(server: EmbeddedServer) -> bool:
    try:
        psycopg.connect(server.url).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def set_to(server: EmbeddedServer, name: str, value: str) -> Iterator[None]:
    sql(server, f"ALTER SYSTEM SET {name} = '{value}'", "SELECT pg_reload_conf()")
    try:
        yield
    finally:
        sql(server, f"ALTER SYSTEM RESET {name}", "SELECT pg_reload_conf()")


async def works(database: Database) -> bool:
    try:
        await database.ping()
    except ServiceUnavailable:
        return False
    return True


@pytest.mark.parametrize("default", ["serializable", "repeatable read"])
async def test_the_isolation_level_is_ours_whatever_the_servers_default_is(server, opened, default):
    with set_to(server, "default_transaction_isolation", default):
        database = await opened(server.url, 2)
        tx = Transaction(database)
        levels = {(await tx.one(ISOLATION)).level, (await database.one(ISOLATION)).level}
        await tx.rollback()

    assert levels == {"read committed"}


async def slowest_around_a_killed_backend(url: str) -> float:
    """Let 16 write while a backend is killed; return the seconds of the slowest transaction, refused or not."""
    database = Database(url, 16)
    await database.open()
    took: list[float] = []
    writers = [asyncio.create_task(write_for(2.5, database, took)) for _ in range(16)]
    await asyncio.sleep(0.4)
    os.kill((await database.one(WRITE)).backend, signal.SIGKILL)
    _, late = await asyncio.wait(writers, timeout=15)
    for task in late:
        task.cancel()
    await database.close()
    return float("inf") if late else max(took)


async def write_for(seconds: float, database: Database, took: list[float]) -> None:
    over = time.monotonic() + seconds
    while time.monotonic() < over:
        started = time.monotonic()
        tx = Transaction(database)
        try:
            await tx.one(WRITE)
            await tx.all(LONG)
            await tx.commit()
        except ServiceUnavailable:
            with suppress(ServiceUnavailable):
                await tx.rollback()
            await asyncio.sleep(0.02)
        took.append(time.monotonic() - started)


def test_a_write_whose_backend_is_killed_gets_its_response_soon(server):
    """In the event loop of the service, which does not tell everybody that the server hung up."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for _ in range(2):
            # A connection is waited for up to five seconds; what hung did so until the request's deadline.
            assert runner.run(slowest_around_a_killed_backend(server.url)) < ACQUIRE_TIMEOUT + 5


async def test_a_single_failed_connection_does_not_mean_the_server_is_away(server, opened):
    sql(server, "CREATE ROLE few LOGIN CONNECTION LIMIT 2")
    database = await opened(server.url.replace("accord@", "few@"), 4)

    responses = await asyncio.gather(*(database.one(SLEEP) for _ in range(10)))

    assert len(responses) == 10
    assert await works(database)
    assert not database._away


async def test_a_server_that_takes_no_writes_is_unavailable_until_it_does(server, opened, until):
    database = await opened(server.url, 3)
    assert await works(database)

    with set_to(server, "default_transaction_read_only", "on"):
        await until(lambda: is_refused(database.one(WRITE)), bool)
        # Also what was only read is refused: it may be of a server that was left behind.
        await until(lambda: is_refused(database.one(NUMBER)), bool)
        assert not await works(database)

    # A look at the server that began before may refuse for half a second more.
    await until(lambda: works(database), bool)
    await until(lambda: is_refused(database.one(WRITE)), lambda refused: not refused)


async def is_refused(statement: Any) -> bool:
    try:
        await statement
    except ServiceUnavailable:
        return True
    return False


async def test_probes_find_out_by_themselves_that_nothing_can_be_written(server, opened, until):
    database = await opened(server.url, 2)
    assert await works(database)

    with set_to(server, "default_transaction_read_only", "on"):
        assert await until(lambda: works(database), lambda well: not well) is False

    assert await until(lambda: works(database), bool)


async def test_connections_go_to_the_server_that_takes_writes(server, opened, until):
    with running() as other:
        hosts = [psycopg.conninfo.conninfo_to_dict(one.url)["host"] for one in (server, other)]
        url = f"postgresql://accord@/accord?host={','.join(hosts)}&target_session_attrs=read-write"
        database = await opened(url, 3)
        assert hosts[0] in (await database.one(ADDRESS)).folder

        with set_to(server, "default_transaction_read_only", "on"):
            await until(lambda: is_refused(database.one(WRITE)), bool)
            await until(lambda: works(database), bool)
            folders = [(await database.one(ADDRESS)).folder for _ in range(10)]

        assert {hosts[1] in folder for folder in folders} == {True}


async def test_probes_spend_no_transactions_and_leave_nothing_behind(server, opened, until):
    """A table for each probe would be rows in the catalogs, which no vacuum removes while a long transaction runs."""
    database = await opened(server.url, 1)
    next_one = Statement(text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS number"))

    async def spent() -> int:
        await asyncio.sleep(WRITE_INTERVAL)
        before = (await database.one(next_one)).number
        await database.ping()
        return (await database.one(next_one)).number - before

    # The server's own housekeeping spends some now and then.
    assert await until(spent, lambda number: not number) == 0


async def test_probes_write_once_a_second_however_many_there_are(server, until):
    """Each write is a temporary file; this server's only clients are those of this test."""
    files = "SELECT temp_files FROM pg_stat_database WHERE datname = current_database()"
    others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"

    async def look(query: str) -> int:
        with psycopg.connect(server.url) as connection:
            return connection.execute(query.encode()).fetchone()[0]

    await until(partial(look, others), lambda number: not number)
    before, database, started = await look(files), Database(server.url, 2), time.monotonic()
    await database.open()
    for _ in range(200):
        await database.ping()
    seconds = time.monotonic() - started
    await database.close()
    # A connection reports what it did now and then, and at its end.
    await until(partial(look, others), lambda number: not number)

    assert 1 <= await look(files) - before <= seconds / WRITE_INTERVAL + 1


@pytest.fixture
def small_disk(server: EmbeddedServer) -> Iterator[Path]:
    """A file system of 16 MiB where the tables of a database are."""
    folder = Path(tempfile.mkdtemp(prefix="accord-disk-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("A small file system cannot be mounted here; a full disk was not tested.")
    try:
        data = Path(server.folder / "data").stat()
        os.chown(folder, data.st_uid, data.st_gid)
        sql(server, f"CREATE TABLESPACE small LOCATION '{folder}'", "CREATE DATABASE small TABLESPACE small")
        yield folder
    finally:
        for _ in range(50):
            try:
                sql(server, "DROP DATABASE IF EXISTS small WITH (FORCE)", "DROP TABLESPACE IF EXISTS small")
                break
            except psycopg.Error:
                (folder / "filling").unlink(missing_ok=True)
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()


@pytest.fixture
def written() -> Iterator[list[bytes]]:
    """What is logged."""
    root, kept = logging.getLogger(), list[bytes]()
    handlers, level = root.handlers[:], root.level
    logs.configure("info", readable=False, write=kept.append)
    yield kept
    logs.configure("info", readable=False)
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_a_full_disk_is_found_by_probes_and_logged_once_with_its_cause(server, opened, small_disk, written):
    database = await opened(server.url.replace("/accord?", "/small?"), 2)
    await database.run(Statement(text(THINGS)))
    assert await works(database)
    filling = small_disk / "filling"
    with suppress(OSError), filling.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass

    await asyncio.sleep(WRITE_INTERVAL)
    with pytest.raises(ServiceUnavailable) as refusal:
        await database.ping()
    assert isinstance(refusal.value.__cause__, psycopg.errors.DiskFull)
    assert not await works(database)
    finding = await writing(database)
    assert (finding.works, "No space left on device" in finding.state) == (False, True)
    many = Statement(text("INSERT INTO things SELECT FROM generate_series(1, 100000)"))
    assert [await is_refused(database.run(many)) for _ in range(5)] == [True] * 5
    logs.flush()
    lines = [line for line in b"".join(written).splitlines() if b"No space left on device" in line]
    assert [json.loads(line)["sqlstate"] for line in lines] == ["53100"]

    filling.unlink()
    await asyncio.sleep(WRITE_INTERVAL)
    assert await works(database)


@pytest.mark.parametrize(
    "sqlstate", ["08006", "25006", "25P03", "53100", "53200", "53300", "55P03", "57P01", "57P03", "58030", "58P01"]
)
def test_not_now_and_not_here_are_503(sqlstate):
    assert type(Errors().problem(errors.lookup(sqlstate)())) is ServiceUnavailable


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
def test_a_lost_race_is_retryable(sqlstate):
    assert type(Errors().problem(errors.lookup(sqlstate)())) is Deadlock


@pytest.mark.parametrize("sqlstate", ["22P02", "23502", "42601", "42P01", "42501"])
def test_our_own_mistakes_stay_mistakes(sqlstate):
    with pytest.raises(errors.lookup(sqlstate)):
        Errors().problem(errors.lookup(sqlstate)())
