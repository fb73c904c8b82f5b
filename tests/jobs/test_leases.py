"""Q-4: the leases of running jobs are renewed, whatever else holds their rows."""

import asyncio

import psycopg
import pytest
from job_programs import workshop


@pytest.fixture
async def shop(ledger, tmp_path):
    """The tasks of tests, whose leases are renewed each two seconds."""
    async with workshop(ledger.url, tmp_path, job_lease=6) as opened:
        yield opened


async def test_a_row_that_is_locked_holds_up_the_lease_of_no_other_job_and_its_own_is_renewed_later(shop, until):
    goes_on = asyncio.Event()

    async def patient(_) -> None:
        await goes_on.wait()

    async def leases() -> dict[object, object]:
        return dict(await shop.sql("SELECT id, lease_until FROM accord.jobs WHERE state = 'running'"))

    shop.define("patient", patient)
    locked, other = [await shop.enqueue("patient") for _ in range(2)]
    await shop.start()
    at_first = await until(leases, lambda seen: len(seen) == 2)
    async with await psycopg.AsyncConnection.connect(shop.url) as connection:
        await connection.execute("SELECT FROM accord.jobs WHERE id = %s FOR UPDATE", (locked,))
        meanwhile = await until(leases, lambda seen: seen[other] > at_first[other])
        assert meanwhile[locked] == at_first[locked]
    await until(leases, lambda seen: seen[locked] > at_first[locked])

    goes_on.set()
    ended = await shop.ended(locked, other)
    assert [[attempt["outcome"] for attempt in job.attempts] for job in ended] == [["ok"], ["ok"]]
