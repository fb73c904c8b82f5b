"""What neither answers nor dies: a machine that swaps, a process that is stopped."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psutil
import pytest
from faults.deployment import REQUEST_TIMEOUT, TRANSPORT, traffic, until_well
from faults.test_postgres_killed import accounts, nothing_acknowledged_is_lost

pytestmark = pytest.mark.faults
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


async def test_probes_answer_in_time_whatever_does_not(given, deployment):
    somebody = await given.somebody()

    async with frozen(deployment.postgres.pid):
        started = time.monotonic()
        health, ready = await asyncio.gather(somebody.get("/api/v1/healthcheck"), somebody.get("/readyz"))
        assert time.monotonic() - started < 15

        assert (health.status_code, health.json()["status"]) == (200, "error")
        assert ready.status_code == 503
    await until_well(deployment)


@pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
async def test_a_frozen_worker_costs_504_and_nothing_else(given, deployment):
    me = await given.an_account()

    async with frozen(deployment.workers[0].process.pid):
        started = time.monotonic()
        answers = await asyncio.gather(*(me.get("/api/v1/me") for _ in range(40)))
        assert time.monotonic() - started < REQUEST_TIMEOUT + 20

    assert {answer.status_code for answer in answers} == {200, 504}
    await until_well(deployment)
