from flows.jobs.samples import SCHEDULES

NAME = SCHEDULES[0]
PATH = f"/api/v1/schedules/{NAME}"


async def known(account):
    return next(each for each in (await account.get("/api/v1/schedules")).json()["items"] if each["name"] == NAME)


async def test_a_schedule_is_paused_and_goes_on(given):
    admin = await given.an_admin()
    version = (await known(admin))["version"]

    paused = await admin.patch(PATH, expectedVersion=version, paused=True)
    listed = await known(admin)
    resumed = await admin.patch(PATH, expectedVersion=version + 1, paused=False)

    assert (paused.status_code, paused.json()) == (200, listed)
    assert (listed["paused"], listed["nextAt"], listed["version"]) == (True, None, version + 1)
    assert (resumed.json()["paused"], resumed.json()["nextAt"] is None) == (False, False)
    [entry] = await given.entries(paused)
    assert (entry["record_table"], entry["kind"], entry["actor_id"]) == ("schedules", "updated", admin.id)
    assert entry["fields"] == {"name": NAME, "paused": True}


async def test_a_stale_version_changes_nothing(given):
    admin = await given.an_admin()
    before = await known(admin)

    response = await admin.patch(PATH, expectedVersion=before["version"] + 1, paused=True)

    assert (response.status_code, response.json()["currentVersion"]) == (409, before["version"])
    assert (await known(admin))["paused"] == before["paused"]


async def test_a_task_without_a_schedule_is_not_found_and_a_customer_may_not(given):
    admin, somebody = await given.an_admin(), await given.an_account()

    assert (await admin.patch("/api/v1/schedules/noTask", expectedVersion=1, paused=True)).status_code == 404
    assert (await somebody.patch(PATH, expectedVersion=1, paused=True)).status_code == 403
