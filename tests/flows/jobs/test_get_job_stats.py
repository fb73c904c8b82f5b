from uuid import uuid4

from flows.jobs.samples import a_job

NONE = dict.fromkeys(("scheduled", "queued", "retrying", "running", "completed", "dead", "cancelled"), 0)


async def of_queue(account, queue):
    response = await account.get("/api/v1/jobs/stats")
    assert response.status_code == 200, response.text
    return next(each for each in response.json()["queues"] if each["queue"] == queue)


async def test_jobs_are_counted_by_queue_and_state(given):
    admin, queue = await given.an_admin(), f"test{uuid4().hex}"
    for state in ("dead", "dead", "scheduled", "running", "completed"):
        await a_job(given, state, queue=queue)

    stats = await of_queue(admin, queue)

    assert stats["counts"] == NONE | {"dead": 2, "scheduled": 1, "running": 1, "completed": 1}
    assert stats["oldestReadySeconds"] is None


async def test_the_oldest_job_that_could_run_tells_how_long_it_waits(given):
    admin, queue = await given.an_admin(), f"test{uuid4().hex}"
    for run_at in ("now() - interval '50 s'", "now()", "now() - interval '10 s'"):
        await a_job(given, "queued", queue=queue, run_at=(await given.sql(f"SELECT {run_at}"))[0][0])
    blocked_since = (await given.sql("SELECT now() - interval '1 day'"))[0][0]
    await a_job(given, "queued", queue=queue, run_at=blocked_since, is_blocked=True)

    seconds = (await of_queue(admin, queue))["oldestReadySeconds"]

    assert 50 <= seconds < 3600
    await given.sql("DELETE FROM accord.jobs WHERE queue = %s", queue)


async def test_a_customer_may_not(given):
    assert (await (await given.an_account()).get("/api/v1/jobs/stats")).status_code == 403
