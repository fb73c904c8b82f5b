import asyncio
from datetime import datetime
from uuid import uuid4

from flows.jobs.samples import SCHEDULES, queue_name


async def test_a_queue_is_paused_and_goes_on_and_keeps_what_is_left_out(given):
    admin = await given.an_admin()
    path = f"/api/v1/queues/{(await queue_name(admin))['id']}"

    changed = [
        await admin.patch(path, expectedVersion=version, **fields)
        for version, fields in ((1, {"slots": 7}), (2, {"paused": True}), (3, {"paused": False, "slots": None}))
    ]

    states = [(queue.json()["paused"], queue.json()["slots"], queue.json()["version"]) for queue in changed]
    assert states == [(False, 7, 2), (True, 7, 3), (False, 20, 4)]


async def test_a_queue_that_no_operator_changed_before_is_at_version_1(given):
    admin = await given.an_admin()
    stale = await admin.patch("/api/v1/queues/webhooks", expectedVersion=9, slots=49)
    before = await given.sql("SELECT version FROM accord.queues WHERE name = 'webhooks'")

    done = await admin.patch("/api/v1/queues/webhooks", expectedVersion=1, slots=49)

    await given.sql("DELETE FROM accord.queues WHERE name = 'webhooks'")
    assert (stale.status_code, stale.json()["currentVersion"], before) == (409, 1, [])
    assert (done.status_code, done.json()["slots"], done.json()["version"]) == (200, 49, 2)


async def test_of_racing_changes_one_wins(given):
    admin = await given.an_admin()
    path = f"/api/v1/queues/{(await queue_name(admin))['id']}"

    responses = await asyncio.gather(*(admin.patch(path, expectedVersion=1, slots=n) for n in (1, 2, 3)))

    assert sorted(response.status_code for response in responses) == [200, 409, 409]


async def test_the_journal_has_the_name_and_the_change(given):
    admin = await given.an_admin()
    name = (await queue_name(admin))["id"]

    response = await admin.patch(f"/api/v1/queues/{name}", expectedVersion=1, paused=True)

    [entry] = await given.entries(response)
    assert (entry["kind"], entry["record_table"], entry["record_version"]) == ("updated", "queues", 2)
    assert (entry["actor_id"], entry["fields"]) == (admin.id, {"name": name, "paused": True})


async def test_no_job_of_a_paused_queue_starts_until_it_goes_on(given, until):
    """The jobs of a schedule, which every process runs, are in the queue `default`."""
    admin = await given.an_admin()
    path = "/api/v1/queues/default"
    version = next(q["version"] for q in (await admin.get("/api/v1/queues")).json()["items"] if q["name"] == "default")
    paused = await admin.patch(path, expectedVersion=version, paused=True)
    try:
        job = (await admin.post(f"/api/v1/schedules/{SCHEDULES[0]}/run")).json()
        [(resumed_at,)] = await given.sql("SELECT clock_timestamp()")
    finally:
        await admin.patch(path, expectedVersion=paused.json()["version"], paused=False)

    done = await until(lambda: admin.get(f"/api/v1/jobs/{job['id']}"), lambda seen: seen.json()["endedAt"])
    assert datetime.fromisoformat(done.json()["attempts"][0]["startedAt"]) > resumed_at


async def test_an_unknown_queue_is_not_found_and_a_customer_may_not(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    path = f"/api/v1/queues/test{uuid4().hex}"

    assert (await admin.patch(path, expectedVersion=1, paused=True)).status_code == 404
    assert (await somebody.patch("/api/v1/queues/default", expectedVersion=1, paused=True)).status_code == 403
