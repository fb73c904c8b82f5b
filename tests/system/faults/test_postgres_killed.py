"""O-8: PostgreSQL dies in mid-traffic."""

import asyncio
import time

import pytest
from given import Account, Given
from recovery import HEALED_WITHIN, until_well
from system.faults.deployment import LONGEST, Deployment, Traffic, each_writes, kill, traffic, until_seen


async def accounts(given: Given, count: int) -> list[Account]:
    return list(await asyncio.gather(*(given.an_account() for _ in range(count))))


async def outage(deployment: Deployment, seen: Traffic, *, away: float) -> float:
    """Kill PostgreSQL under traffic, bring it back, wait until all is well; return when it came back."""
    await each_writes(seen, 3)
    await asyncio.to_thread(kill, deployment.postgres)
    await asyncio.sleep(away)
    if away:
        await until_seen(seen, 503)
    await asyncio.to_thread(deployment.postgres.restart_if_dead)
    back = time.monotonic()
    while not any(when > back and status == 200 for when, status, _ in seen.responses):
        assert time.monotonic() - back < HEALED_WITHIN
        await asyncio.sleep(0.05)
    # Any worker may have been the first to be well again.
    await until_well(deployment)
    await each_writes(seen, 3)
    return back


async def nothing_acknowledged_is_lost(given: Given, seen: Traffic) -> None:
    """Hold what the clients were told against the records and the journal."""
    for user_id, acknowledged in seen.acknowledged.items():
        [(version,)] = await given.sql("SELECT version FROM accord.users WHERE id = %s", user_id)
        entries = await given.sql(
            "SELECT record_version FROM accord.journal WHERE record_id = %s AND kind = 'updated' ORDER BY id", user_id
        )
        assert [entry for (entry,) in entries] == list(range(2, version + 1))
        assert set(acknowledged) <= set(range(2, version + 1))
        assert len(acknowledged) == len(set(acknowledged))
        assert version - 1 <= len(acknowledged) + seen.doubtful.get(user_id, 0)


async def test_requests_get_503_the_pool_heals_and_no_acknowledged_change_is_lost(given, deployment):
    writers, readers = await accounts(given, 4), await accounts(given, 2)
    process = deployment.front.process.pid

    async with traffic(writers, readers) as seen:
        back = await outage(deployment, seen, away=1.0)

    assert seen.statuses == {200, 503}
    assert seen.without_retry_after == 0
    assert seen.slowest < LONGEST
    assert seen.first_success_after(back) < HEALED_WITHIN
    await nothing_acknowledged_is_lost(given, seen)
    assert deployment.front.process.poll() is None
    assert deployment.front.process.pid == process


@pytest.mark.faults
@pytest.mark.parametrize("away", [0.0, 0.3, 4.0, 12.0])
async def test_however_long_it_is_away(given, deployment, away):
    writers, readers = await accounts(given, 8), await accounts(given, 4)

    async with traffic(writers, readers) as seen:
        for _ in range(3):
            await outage(deployment, seen, away=away)

    assert seen.statuses <= {200, 503}
    assert seen.without_retry_after == 0
    assert seen.slowest < LONGEST
    await nothing_acknowledged_is_lost(given, seen)
