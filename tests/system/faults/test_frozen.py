"""What neither answers nor dies: a machine that swaps, a process that is stopped."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
import nats
import orjson
import psutil
import pytest
from processes import locked_row, someone_waits_for_a_lock, wait_until
from recovery import TIMEOUT, until_well
from stillness import stillness
from system.faults.deployment import REQUEST_TIMEOUT, TRANSPORT, Deployment, each_writes, traffic
from system.faults.test_postgres_killed import accounts, nothing_acknowledged_is_lost

GIVEN_UP_WITHIN = 3.0
"""Seconds after which nothing fails any more because a worker is frozen (I-11)."""
CANCELLED_WITHIN = 10.0
"""Seconds that psycopg takes at most to give up a server which does not even answer to a cancellation."""


@asynccontextmanager
async def frozen(pid: int) -> AsyncGenerator[None]:
    """Stop a process and its children for the length of the block."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in family:
            os.kill(process.pid, signal.SIGCONT)


@pytest.mark.faults
@pytest.mark.parametrize("seconds", [3, REQUEST_TIMEOUT + 7])
async def test_a_frozen_postgresql_costs_time_and_no_500(given, deployment, seconds):
    writers, readers = await accounts(given, 4), await accounts(given, 2)

    async with traffic(writers, readers) as seen:
        await asyncio.sleep(0.5)
        async with frozen(deployment.postgres.pid):
            await asyncio.sleep(seconds)
        await until_well(deployment)
        await asyncio.sleep(0.5)

    assert seen.statuses <= {200, 503, 504}
    assert seen.slowest < REQUEST_TIMEOUT + CANCELLED_WITHIN + 10
    await nothing_acknowledged_is_lost(given, seen)


@pytest.mark.faults
async def test_probes_respond_in_time_while_other_parts_hang(given, deployment):
    somebody = await given.somebody()

    async with frozen(deployment.postgres.pid):
        started = time.monotonic()
        health, ready = await asyncio.gather(somebody.get("/api/v1/healthcheck"), somebody.get("/readyz"))
        assert time.monotonic() - started < 15

        assert (health.status_code, health.json()["status"]) == (200, "error")
        assert ready.status_code == 503
    await until_well(deployment)


@pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
@pytest.mark.parametrize("seconds", [5, pytest.param(REQUEST_TIMEOUT + 10, marks=pytest.mark.faults)])
async def test_a_frozen_worker_costs_nothing_after_3_seconds_and_reads_nothing_ever(given, deployment, seconds):
    writers, readers = await accounts(given, 4), await accounts(given, 2)

    async with traffic(writers, []) as written, traffic([], readers) as read:
        await each_writes(written, 5)
        async with stillness() as machine, frozen(deployment.workers[0].process.pid):
            begun = time.monotonic()
            ready = [(time.monotonic(), await is_ready(deployment))]
            while time.monotonic() < begun + seconds:
                await asyncio.sleep(0.1)
                ready.append((time.monotonic(), await is_ready(deployment)))
            over = time.monotonic()
            stood_still = machine.seconds
        await until_well(deployment)
        await each_writes(written, 5)

    assert {status for _, status, _ in read.responses} == {200}
    assert all(is_well for _, is_well in ready)
    assert written.statuses <= {200, 504}
    failed = [when - begun for when, status, _ in written.responses if status != 200]
    assert all(after <= GIVEN_UP_WITHIN + stood_still for after in failed)
    # None of those that failed was carried out when the worker went on.
    await nothing_acknowledged_is_lost(given, written)
    assert over - begun >= seconds


@pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
async def test_a_frozen_worker_does_not_commit_after_the_client_got_its_response(given, deployment):
    me = await given.an_account()
    with locked_row(deployment.database_url, me.id) as lock:
        request = asyncio.create_task(me.patch("/api/v1/me", expectedVersion=1, firstName="Late"))
        await asyncio.to_thread(wait_until, lambda: someone_waits_for_a_lock(deployment.database_url))
        async with AsyncExitStack() as workers:
            for worker in deployment.workers:
                await workers.enter_async_context(frozen(worker.process.pid))
            response = await request
            lock.rollback()
            # PostgreSQL hands the row over, and the frozen flow has but to read on and to commit.
            while await asyncio.to_thread(someone_waits_for_a_lock, deployment.database_url):
                await asyncio.sleep(0.02)

    assert response.status_code == 504
    await until_well(deployment)
    assert (await me.get("/api/v1/me")).json()["version"] == 1
    assert (await me.patch("/api/v1/me", expectedVersion=1, firstName="Now")).status_code == 200


@pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
async def test_other_services_ask_no_frozen_worker(given, deployment):
    me = await given.an_account()
    service = await nats.connect(deployment.nats_url, connect_timeout=TIMEOUT)
    question = orjson.dumps({"token": me.tokens["accessToken"]})
    async with frozen(deployment.workers[0].process.pid):
        frozen_at, responded = time.monotonic(), 0
        # NATS drops it after three to four seconds; then no question is lost any more.
        while responded < 20:
            with suppress(nats.errors.TimeoutError):
                assert orjson.loads((await service.request("api.v1.auth.validate", question, 1)).data)["success"]
                responded += 1
                continue
            responded = 0
            assert time.monotonic() - frozen_at < TIMEOUT
    await service.close()
    await until_well(deployment)


async def is_ready(deployment: Deployment) -> bool:
    async with httpx.AsyncClient(timeout=TIMEOUT) as http:
        return (await http.get(f"{deployment.url}/readyz")).status_code == 200
