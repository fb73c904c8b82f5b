from uuid import uuid4

from flows.jobs.samples import a_job


async def test_the_owner_reads_the_job_without_its_arguments_and_the_texts_of_exceptions(given):
    me, admin = await given.an_account(), await given.an_admin()
    attempts = [
        {
            "startedAt": "2026-01-31T09:30:00.000000Z",
            "endedAt": "2026-01-31T09:30:01.000000Z",
            "outcome": "failed",
            "error": "OSError: refused",
        }
    ]
    job_id = await a_job(given, "retrying", owner_id=me.id, args={"note": "internal"}, attempts=attempts)

    response = await me.get(f"/api/v1/jobs/{job_id}")

    assert response.status_code == 200
    assert response.headers["etag"] == '"1"'
    job = response.json()
    assert (job["id"], job["task"], job["queue"], job["state"]) == (job_id, "testTask", "tests", "retrying")
    assert (job["ownerId"], job["args"], job["attempts"]) == (me.id, None, [attempts[0] | {"error": None}])
    assert (await admin.get(f"/api/v1/jobs/{job_id}")).json()["attempts"] == attempts


async def test_an_operator_sees_arguments_with_their_secrets_redacted(given):
    admin, owner = await given.an_admin(), await given.an_account()
    args = {"userId": owner.id, "resetToken": "s3cret", "nested": {"password": "s3cret", "count": 2}}
    job_id = await a_job(given, owner_id=owner.id, args=args)

    job = (await admin.get(f"/api/v1/jobs/{job_id}")).json()

    assert job["args"] == {
        "userId": owner.id,
        "resetToken": "[redacted]",
        "nested": {"password": "[redacted]", "count": 2},
    }


async def test_the_inputs_of_an_operation_are_shown_to_no_operator(given):
    admin, owner = await given.an_admin(), await given.an_account()
    args = {"body": {"text": "for members alone"}}
    job_id = await a_job(given, owner_id=owner.id, args=args, unique_key=f"asked {uuid4()}")

    assert (await admin.get(f"/api/v1/jobs/{job_id}")).json()["args"] is None


async def test_another_persons_job_a_system_job_and_an_unknown_one_are_not_found(given):
    me, other = await given.an_account(), await given.an_account()
    jobs = [await a_job(given, owner_id=other.id), await a_job(given), str(uuid4())]

    assert [(await me.get(f"/api/v1/jobs/{job_id}")).status_code for job_id in jobs] == [404] * 3


async def test_an_operator_reads_a_system_job(given):
    admin, job_id = await given.an_admin(), await a_job(given)

    job = (await admin.get(f"/api/v1/jobs/{job_id}")).json()

    assert (job["id"], job["ownerId"]) == (job_id, None)
