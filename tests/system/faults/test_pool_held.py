"""O-8, Q-5: requests hold the connections of a process for seconds; jobs wait, and each is done once."""

import asyncio
import re
import time
from uuid import uuid4

import httpx
import pytest
from processes import locked_row
from system.faults.deployment import TRANSPORT

WRITERS = 24
"""More than the process has connections."""
ON_AGAIN = 5.0
"""Seconds within which a job starts once the connections are free."""
INSERT = """
INSERT INTO accord.jobs (id, task, queue, request_id, args, state, is_ready, run_at)
VALUES (%s, 'deleteExpiredTickets', 'default', 'test', '{}', 'queued', true, clock_timestamp())
"""
UNENDED = "SELECT 1 FROM accord.jobs WHERE id = ANY(%s) AND state NOT IN ('completed', 'dead')"
ENDED = """
SELECT state, jsonb_path_query_array(attempts, '$[*] ? (@.outcome == "ok").outcome') FROM accord.jobs WHERE id = ANY(%s)
"""


@pytest.mark.skipif(TRANSPORT == "nats", reason="is about the pool of one process")
@pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=pytest.mark.faults)])
async def test_jobs_go_on_while_and_after_requests_hold_all_connections_and_metrics_tell(
    given, deployment, until, seconds
):
    me, jobs, waiting = await given.an_account(), [], []
    ends = time.monotonic() + seconds

    async def writes() -> None:
        # A request waits four seconds for the row, and has a connection meanwhile.
        while time.monotonic() < ends:
            assert (await me.patch("/api/v1/me", expectedVersion=1, firstName="Ada")).status_code == 503

    async def enqueues() -> None:
        while time.monotonic() < ends:
            jobs.append(uuid4())
            await given.sql(INSERT, jobs[-1])
            await asyncio.sleep(0.1)

    async def looks() -> None:
        async with httpx.AsyncClient(base_url=deployment.url, timeout=30) as http:
            while time.monotonic() < ends:
                page = (await http.get("/metrics")).text
                waiting.extend(float(count) for count in re.findall(r"^accord_pool_waiting (\S+)", page, re.MULTILINE))
                await asyncio.sleep(0.2)

    with locked_row(deployment.database_url, me.id):
        await asyncio.gather(enqueues(), looks(), *(writes() for _ in range(WRITERS)))
    last = uuid4()
    await given.sql(INSERT, last)
    await until(lambda: given.sql(UNENDED, [*jobs, last]), lambda left: not left)

    assert await given.sql(ENDED, [*jobs, last]) == [("completed", ["ok"])] * (len(jobs) + 1)
    assert max(waiting) > 0
    [(lag,)] = await given.sql(
        "SELECT extract(epoch FROM started_at - created_at)::float FROM accord.jobs WHERE id = %s", last
    )
    assert lag < ON_AGAIN
