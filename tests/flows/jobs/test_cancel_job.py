import asyncio
from uuid import uuid4

import pytest
from flows.jobs.samples import a_job, columns_of


@pytest.mark.parametrize("state", ["scheduled", "queued", "retrying", "running"])
async def test_the_owner_cancels_a_job_that_has_not_ended(given, state):
    me = await given.an_account()
    job_id = await a_job(given, state, owner_id=me.id)

    response = await me.post(f"/api/v1/jobs/{job_id}/cancel", expectedVersion=1)

    assert response.status_code == 200, response.text
    assert response.headers["etag"] == '"2"'
    job = response.json()
    assert (job["state"], job["version"], job["endedAt"] is None) == ("cancelled", 2, False)
    assert await columns_of(given, job_id, "is_ready", "is_blocked", "lease_until") == (False, False, None)
    outcomes = [(attempt["outcome"], attempt["endedAt"]) for attempt in job["attempts"]]
    assert outcomes == ([("cancelled", job["endedAt"])] if state == "running" else [])


async def test_the_version_of_the_running_attempt_is_stale_so_that_its_commit_fails(given):
    me = await given.an_account()
    job_id = await a_job(given, "running", owner_id=me.id, version=4)

    await me.post(f"/api/v1/jobs/{job_id}/cancel", expectedVersion=4)

    assert await given.sql("SELECT 1 FROM accord.jobs WHERE id = %s AND version = 4", job_id) == []


@pytest.mark.parametrize("state", ["completed", "dead", "cancelled"])
async def test_a_job_that_has_ended_stays_as_it_is(given, state):
    me = await given.an_account()
    job_id = await a_job(given, state, owner_id=me.id)

    response = await me.post(f"/api/v1/jobs/{job_id}/cancel", expectedVersion=1)

    assert (response.status_code, response.json()["code"]) == (422, "ALREADY_ENDED")
    assert await columns_of(given, job_id, "state", "version") == (state, 1)


async def test_a_stale_version_changes_nothing(given):
    me = await given.an_account()
    job_id = await a_job(given, owner_id=me.id, version=3)

    response = await me.post(f"/api/v1/jobs/{job_id}/cancel", expectedVersion=2)

    assert response.status_code == 409
    assert (response.json()["expectedVersion"], response.json()["currentVersion"]) == (2, 3)
    assert await columns_of(given, job_id, "state", "version") == ("scheduled", 3)


async def test_of_racing_cancels_one_wins(given):
    me = await given.an_account()
    job_id = await a_job(given, owner_id=me.id)

    responses = await asyncio.gather(*(me.post(f"/api/v1/jobs/{job_id}/cancel", expectedVersion=1) for _ in range(4)))

    assert sorted(response.status_code for response in responses) == [200, 409, 409, 409]


async def test_an_operator_cancels_any_job_and_the_journal_has_it(given):
    admin, job_id = await given.an_admin(), await a_job(given)

    response = await admin.post(f"/api/v1/jobs/{job_id}/cancel", expectedVersion=1)

    assert response.status_code == 200, response.text
    [entry] = await given.entries(response)
    assert (entry["kind"], entry["record_table"], entry["record_id"]) == ("updated", "jobs", job_id)
    assert (entry["record_version"], entry["actor_id"]) == (2, admin.id)
    assert entry["fields"] == {"state": "cancelled"}


async def test_jobs_of_others_and_unknown_ones_are_not_found(given):
    me, other = await given.an_account(), await given.an_account()
    jobs = [await a_job(given, owner_id=other.id), await a_job(given), str(uuid4())]

    responses = [await me.post(f"/api/v1/jobs/{job_id}/cancel", expectedVersion=1) for job_id in jobs]

    assert [response.status_code for response in responses] == [404] * 3


async def test_the_next_of_its_order_key_may_run(given):
    me, key = await given.an_account(), uuid4().hex
    head = await a_job(given, "queued", owner_id=me.id, order_key=key)
    second, third = [await a_job(given, "queued", order_key=key, is_blocked=True) for _ in range(2)]

    await me.post(f"/api/v1/jobs/{head}/cancel", expectedVersion=1)

    blocked = [(await columns_of(given, job_id, "is_blocked"))[0] for job_id in (second, third)]
    assert blocked == [False, True]


async def test_a_cancelled_job_that_waited_for_its_turn_lets_no_other_in(given):
    admin, key = await given.an_admin(), uuid4().hex
    await a_job(given, "running", order_key=key)
    second, third = [await a_job(given, "queued", order_key=key, is_blocked=True) for _ in range(2)]

    await admin.post(f"/api/v1/jobs/{second}/cancel", expectedVersion=1)

    assert await columns_of(given, third, "is_blocked") == (True,)
