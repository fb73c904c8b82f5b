"""Q-4, Q-5: PostgreSQL dies, ends all connections, or is held up, and jobs go on within seconds, each once."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from job_programs import CONNECTIONS, Workshop, workshop
from processes import wait_until
from system.faults.deployment import kill

from accord.database.migrations import runner as migrations
from accord.embedded import EmbeddedServer, postgres
from accord.problems import Problem

if TYPE_CHECKING:
    from uuid import UUID

ON_AGAIN = 5.0
"""Seconds within which jobs run again after PostgreSQL is back."""


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """A PostgreSQL of its own, with the tables."""
    # Not below pytest's own folder: a second run by root closes that to PostgreSQL's account while it is in use.
    with tempfile.TemporaryDirectory(prefix="accord-jobs-") as folder:
        started = postgres.start(Path(folder))
        try:
            migrations.upgrade(started.url)
            yield started
        finally:
            started.stop()


class Load:
    """Enqueues jobs all the time, and notes those whose commit was acknowledged."""

    def __init__(self, shop: Workshop) -> None:
        self.shop = shop
        self.acknowledged: set[UUID] = set()

    async def run(self) -> None:
        while True:
            try:
                self.acknowledged.add(await self.shop.enqueue("slowEffect", {"seconds": 0.02}))
            except Problem:
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.005)

    async def ended_since(self, when: float) -> float:
        """Return the seconds until a job ended that was enqueued after that time."""
        known = set(self.acknowledged)
        async with asyncio.timeout(30):
            while True:
                new = list(self.acknowledged - known)
                done = "SELECT 1 FROM accord.jobs WHERE state = 'completed' AND id = ANY(%s)"
                try:
                    if await self.shop.sql(done, new):
                        return time.monotonic() - when
                except psycopg.OperationalError:
                    pass
                await asyncio.sleep(0.05)


async def holds(shop: Workshop, load: Load) -> None:
    await shop.drained()
    effects = dict(await shop.sql("SELECT job_id, count(*) FROM public.effects GROUP BY job_id"))
    assert set(effects.values()) == {1}
    # A commit whose acknowledgement was lost made a job as well.
    assert load.acknowledged <= set(effects)
    assert await shop.sql("SELECT DISTINCT state FROM accord.jobs") == [("completed",)]


@pytest.mark.parametrize("stop", ["kill", "fast", "immediate"])
async def test_jobs_go_on_within_seconds_after_postgresql_was_restarted_under_load(server, tmp_path, stop):
    async with workshop(server.url, tmp_path, job_lease=3) as shop:
        load = Load(shop)
        await shop.start()
        loading = asyncio.create_task(load.run())
        await load.ended_since(time.monotonic())

        if stop == "kill":
            await asyncio.to_thread(kill, server)
        else:
            assert server.pid is not None
            os.kill(server.pid, signal.SIGINT if stop == "fast" else signal.SIGQUIT)
            await asyncio.to_thread(wait_until, lambda: not server.alive())
        await asyncio.to_thread(server.restart_if_dead)
        back = time.monotonic()

        assert await load.ended_since(back) < ON_AGAIN
        loading.cancel()
        await holds(shop, load)


async def test_jobs_go_on_within_seconds_after_every_connection_was_ended(shop):
    load = Load(shop)
    await shop.start()
    loading = asyncio.create_task(load.run())
    await load.ended_since(time.monotonic())

    for _ in range(5):
        await shop.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert await load.ended_since(time.monotonic()) < ON_AGAIN
    loading.cancel()

    await shop.sql("UPDATE accord.jobs SET lease_until = now() WHERE state = 'running'")
    await holds(shop, load)


async def test_jobs_go_on_beside_a_transaction_that_stays_open(shop):
    await shop.start()
    async with await psycopg.AsyncConnection.connect(shop.url) as idle:
        await idle.execute("SELECT * FROM accord.jobs")

        jobs = [await shop.enqueue("effect", {"word": str(n)}) for n in range(200)]
        await shop.ended(*jobs)
        await idle.rollback()

    assert len(await shop.effects()) == 200


@pytest.mark.parametrize("seconds", [4, pytest.param(10, marks=pytest.mark.faults)])
async def test_jobs_go_on_within_seconds_after_all_connections_were_held(server, tmp_path, seconds):
    async with workshop(server.url, tmp_path, job_lease=3) as shop:
        load, free = Load(shop), asyncio.Event()
        await shop.start()
        loading = asyncio.create_task(load.run())
        await load.ended_since(time.monotonic())

        async def holds_one() -> None:
            async with shop.resources.database.connection():
                await free.wait()

        holders = [asyncio.create_task(holds_one()) for _ in range(CONNECTIONS)]
        await asyncio.sleep(seconds)
        assert await shop.sql("SELECT 1 FROM accord.jobs WHERE state = 'running' AND lease_until < now()")
        free.set()
        await asyncio.gather(*holders)

        assert await load.ended_since(time.monotonic()) < ON_AGAIN
        loading.cancel()
        await holds(shop, load)
