from uuid import uuid4

import pytest
from flows.jobs.samples import a_job, columns_of

ATTEMPT = {
    "startedAt": "2026-01-31T09:30:00.000000Z",
    "endedAt": "2026-01-31T09:30:01.000000Z",
    "outcome": "failed",
    "error": "OSError: refused",
}


@pytest.mark.parametrize("state", ["dead", "cancelled"])
async def test_a_job_that_failed_for_good_or_was_cancelled_runs_again(given, state):
    admin = await given.an_admin()
    job_id = await a_job(given, state, attempt=5, attempts=[ATTEMPT], version=7)

    response = await admin.post(f"/api/v1/jobs/{job_id}/retry", expectedVersion=7)

    assert response.status_code == 200, response.text
    job = response.json()
    assert (job["state"], job["version"], job["endedAt"], job["attempts"]) == ("queued", 8, None, [ATTEMPT])
    assert await columns_of(given, job_id, "attempt", "is_ready", "is_blocked") == (0, True, False)
    [entry] = await given.entries(response)
    assert (entry["kind"], entry["record_version"], entry["fields"]) == ("updated", 8, {"state": "queued"})


@pytest.mark.parametrize("state", ["scheduled", "queued", "retrying", "running", "completed"])
async def test_any_other_job_stays_as_it_is(given, state):
    admin, job_id = await given.an_admin(), await a_job(given, state)

    response = await admin.post(f"/api/v1/jobs/{job_id}/retry", expectedVersion=1)

    assert (response.status_code, response.json()["code"]) == (422, "BUSINESS_RULE_VIOLATION")
    assert await columns_of(given, job_id, "state", "version") == (state, 1)


async def test_a_stale_version_changes_nothing(given):
    admin, job_id = await given.an_admin(), await a_job(given, "dead", version=3)

    response = await admin.post(f"/api/v1/jobs/{job_id}/retry", expectedVersion=2)

    assert (response.status_code, response.json()["currentVersion"]) == (409, 3)
    assert await columns_of(given, job_id, "state", "version") == ("dead", 3)


async def test_a_job_whose_unique_key_another_has_stays_dead(given):
    admin, key = await given.an_admin(), uuid4().hex
    job_id = await a_job(given, "dead", unique_key=key)
    await a_job(given, "scheduled", unique_key=key)

    response = await admin.post(f"/api/v1/jobs/{job_id}/retry", expectedVersion=1)

    assert (response.status_code, response.json()["code"]) == (409, "ALREADY_EXISTS")
    assert await columns_of(given, job_id, "state", "version") == ("dead", 1)


async def test_with_an_order_key_it_waits_for_the_one_that_runs(given):
    admin, key = await given.an_admin(), uuid4().hex
    dead = await a_job(given, "dead", order_key=key)
    running = await a_job(given, "running", order_key=key)
    waiting = await a_job(given, "queued", order_key=key, is_blocked=True)

    await admin.post(f"/api/v1/jobs/{dead}/retry", expectedVersion=1)
    beside_a_running_one = [(await columns_of(given, job_id, "is_blocked"))[0] for job_id in (dead, waiting)]
    await admin.post(f"/api/v1/jobs/{running}/cancel", expectedVersion=1)
    after_it = [(await columns_of(given, job_id, "is_blocked"))[0] for job_id in (dead, waiting)]

    assert (beside_a_running_one, after_it) == ([True, True], [False, True])


async def test_with_an_order_key_that_no_other_job_has_it_runs_at_once(given):
    admin = await given.an_admin()
    job_id = await a_job(given, "dead", order_key=uuid4().hex)

    await admin.post(f"/api/v1/jobs/{job_id}/retry", expectedVersion=1)

    assert await columns_of(given, job_id, "is_ready", "is_blocked") == (True, False)


async def test_the_owner_may_not(given):
    me = await given.an_account()
    job_id = await a_job(given, "dead", owner_id=me.id)

    assert (await me.post(f"/api/v1/jobs/{job_id}/retry", expectedVersion=1)).status_code == 403


async def test_an_unknown_job_is_not_found(given):
    admin = await given.an_admin()

    assert (await admin.post(f"/api/v1/jobs/{uuid4()}/retry", expectedVersion=1)).status_code == 404


async def test_the_outcome_of_the_former_run_is_gone(given):
    admin, owner = await given.an_admin(), await given.an_account()
    job_id = await a_job(given, "dead", owner_id=owner.id, problem={"code": "FORBIDDEN"}, result={"status": 200})

    await admin.post(f"/api/v1/jobs/{job_id}/retry", expectedVersion=1)

    assert await columns_of(given, job_id, "problem", "result") == (None, None)
