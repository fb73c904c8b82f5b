"""Q-16: tests let time pass for jobs, which the runners of the service run at their times."""

from datetime import timedelta
from uuid import uuid4

import httpx
from flows.jobs.samples import a_job

HOUR = timedelta(hours=1)


async def test_jobs_run_in_the_order_of_their_times_and_what_is_later_comes_nearer(given):
    response = httpx.Response(200, headers={"x-request-id": uuid4().hex})
    own = {"task": "deleteExpiredTickets", "queue": "default", "request_id": response.headers["x-request-id"]}
    [(now,)] = await given.sql("SELECT clock_timestamp()")
    third, first, second, last = [
        await a_job(given, "scheduled", run_at=now + hours * HOUR, **own) for hours in (3, 1, 2, 10)
    ]

    assert await given.jobs.drain(response) == []
    ended = await given.jobs.drain(response, after=2.5 * HOUR)
    assert {str(job.id) for job in ended} == {first, second}
    ended = await given.jobs.drain(response, after=HOUR)
    assert {str(job.id) for job in ended} == {first, second, third}

    rows = await given.sql(
        "SELECT id::text FROM accord.jobs WHERE request_id = %s ORDER BY started_at", own["request_id"]
    )
    assert [job_id for (job_id,) in rows] == [first, second, third, last]
    [(wait,)] = await given.sql("SELECT run_at - clock_timestamp() FROM accord.jobs WHERE id = %s", last)
    assert 6.4 * HOUR < wait < 6.5 * HOUR
