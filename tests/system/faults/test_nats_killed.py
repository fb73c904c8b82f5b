"""O-8: NATS dies in mid-traffic: who runs flows himself does not notice, and gateways find their workers again."""

import asyncio
import time

import pytest
from recovery import HEALED_WITHIN, until_well
from system.faults.deployment import LONGEST, TRANSPORT, each_writes, kill, traffic, until_seen, without
from system.faults.test_postgres_killed import accounts, nothing_acknowledged_is_lost

JOBS = 5


@pytest.mark.skipif(TRANSPORT == "nats", reason="is about a service that runs flows itself")
async def test_the_local_mode_does_not_notice(given, deployment):
    writers, readers = await accounts(given, 3), await accounts(given, 2)

    async with traffic(writers, readers) as seen:
        await each_writes(seen, 1)
        await asyncio.to_thread(kill, deployment.nats)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(deployment.nats.restart_if_dead)
        await until_well(deployment)
        await each_writes(seen, 1)

    assert seen.statuses == {200}
    await nothing_acknowledged_is_lost(given, seen)


@pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
async def test_gateways_return_503_at_once_and_find_their_workers_again(given, deployment):
    writers, readers = await accounts(given, 3), await accounts(given, 2)

    async with traffic(writers, readers) as seen:
        await each_writes(seen, 1)
        await asyncio.to_thread(kill, deployment.nats)
        await until_seen(seen, 503)
        await asyncio.to_thread(deployment.nats.restart_if_dead)
        back = time.monotonic()
        while not any(when > back and status == 200 for when, status, _ in seen.responses):
            assert time.monotonic() - back < HEALED_WITHIN
            await asyncio.sleep(0.05)
        await until_well(deployment)

    assert seen.statuses <= {200, 503, 504}
    assert seen.without_retry_after == 0
    assert seen.slowest < LONGEST
    await nothing_acknowledged_is_lost(given, seen)


@pytest.mark.parametrize("seconds", [0, pytest.param(300, marks=pytest.mark.faults)])
async def test_jobs_start_within_a_second_meanwhile(given, deployment, seconds):
    jobs = []
    async with without(deployment, deployment.nats):
        ends = time.monotonic() + seconds
        while time.monotonic() < ends or len(jobs) < JOBS:
            jobs.append(await given.jobs.run("deleteExpiredTickets"))

    [(typical, lag)] = await given.sql(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY lag), percentile_cont(0.95) WITHIN GROUP (ORDER BY lag)"
        " FROM (SELECT extract(epoch FROM started_at - created_at) AS lag FROM accord.jobs WHERE id = ANY(%s)) AS lags",
        [job.id for job in jobs],
    )
    assert {job.state for job in jobs} == {"completed"}
    # Of a few, one may have met a pause of a busy machine.
    assert (lag if seconds else typical) < 1.0, (typical, lag)
