from uuid import uuid4

from flows.jobs.samples import SCHEDULES

PATH = f"/api/v1/schedules/{SCHEDULES[0]}/run"


async def test_a_job_of_the_schedule_runs_now(given, until):
    admin = await given.an_admin()

    response = await admin.post(PATH)

    assert response.status_code == 201, response.text
    job = response.json()
    assert (job["task"], job["state"], job["ownerId"], job["version"]) == (SCHEDULES[0], "queued", None, 1)
    path = f"/api/v1/jobs/{job['id']}"
    ended = (await until(lambda: admin.get(path), lambda seen: seen.json()["endedAt"])).json()
    assert (ended["state"], [attempt["outcome"] for attempt in ended["attempts"]]) == ("completed", ["ok"])
    [entry] = await given.entries(response)
    assert (entry["kind"], entry["record_id"], entry["actor_id"]) == ("created", job["id"], admin.id)
    assert entry["fields"] == {"task": SCHEDULES[0], "queue": "default", "state": "queued"}


async def test_the_same_request_enqueues_one_job(given):
    admin, key = await given.an_admin(), str(uuid4())

    first, second = [await admin.post(PATH, headers={"Idempotency-Key": key}) for _ in range(2)]

    assert first.json() == second.json()


async def test_a_task_without_a_schedule_is_not_found_and_a_customer_may_not(given):
    admin, somebody = await given.an_admin(), await given.an_account()

    assert (await admin.post("/api/v1/schedules/noTask/run")).status_code == 404
    assert (await somebody.post(PATH)).status_code == 403
