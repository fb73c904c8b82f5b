"""Q-14 over HTTP: a job runs an operation for the client that prefers that, as that caller."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

PATH = "/api/v1/audit/verify"
ASYNC = {"Prefer": "respond-async"}
QUEUE = "/api/v1/queues/operations"
MAX_WAITING = 20


@asynccontextmanager
async def paused_queue(given):
    """Let no job of an operation start until the block ends; those of the tests before have ended by then."""
    root = await given.root()
    unended = "SELECT 1 FROM accord.jobs WHERE queue = 'operations' AND ended_at IS NULL LIMIT 1"
    async with asyncio.timeout(60):
        while await given.sql(unended):
            await asyncio.sleep(0.02)

    async def pause(*, is_paused):
        queues = (await root.get("/api/v1/queues")).json()["items"]
        [version] = [queue["version"] for queue in queues if queue["name"] == "operations"]
        assert (await root.patch(QUEUE, expectedVersion=version, paused=is_paused)).status_code == 200

    await pause(is_paused=True)
    try:
        yield
    finally:
        await pause(is_paused=False)


async def ended(until, caller, response):
    """Return the job of a response once it has ended."""
    path = response.headers["location"]
    return (await until(lambda: caller.get(path), lambda seen: seen.json()["endedAt"])).json()


async def test_the_response_is_the_job_at_once_and_the_result_stands_on_the_job(given, until):
    admin = await given.an_admin()

    response = await admin.get(PATH, headers=ASYNC)

    assert response.status_code == 202, response.text
    assert response.headers["preference-applied"] == "respond-async"
    job = response.json()
    assert response.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["task"], job["queue"], job["state"], job["ownerId"]) == (
        "verifyAudit",
        "operations",
        "queued",
        admin.id,
    )
    assert isinstance(job["queuePosition"], int)
    done = await ended(until, admin, response)
    assert (done["state"], done["problem"]) == ("completed", None)
    assert done["result"]["status"] == 200
    assert done["result"]["body"]["sound"] is True


async def test_the_job_is_journaled_as_the_work_of_the_caller_and_of_the_operation(given, until):
    admin = await given.an_admin()

    response = await admin.get(PATH, headers=ASYNC)

    await ended(until, admin, response)
    created, started, completed = await given.entries(response)
    assert (created["actor_id"], created["operation"], created["kind"]) == (admin.id, "verifyAudit", "created")
    assert [each["fields"]["state"] for each in (created, started, completed)] == ["queued", "running", "completed"]
    assert {each["record_id"] for each in (created, started, completed)} == {response.json()["id"]}


@pytest.mark.parametrize(
    "value",
    [
        "wait=10",
        "respond-asynchronously",
        'note="respond-async"',
        'x="a, respond-async"',
        "respond-async=no",
        "\x80\xff",
    ],
)
async def test_other_preferences_are_ignored(given, value):
    admin = await given.an_admin()

    response = await admin.http.get(PATH, headers={"Prefer": value.encode("latin-1")})

    assert response.status_code == 200, response.text
    assert "preference-applied" not in response.headers


@pytest.mark.parametrize(
    "value", ["wait=10, Respond-Async", "respond-async; strength=high, wait=1", 'respond-async=""']
)
async def test_the_preference_counts_among_others_and_in_any_case(given, value):
    admin = await given.an_admin()

    response = await admin.get(PATH, headers={"Prefer": value})

    assert response.status_code == 202, response.text


async def test_a_head_request_makes_no_job(given):
    admin = await given.an_admin()

    response = await admin.http.head(PATH, headers=ASYNC)

    assert response.status_code == 200
    assert await given.sql("SELECT 1 FROM accord.jobs WHERE owner_id = %s", admin.id) == []


async def test_an_operation_that_no_job_can_run_ignores_the_preference(given):
    me = await given.an_account()

    response = await me.patch("/api/v1/me", headers=ASYNC, expectedVersion=1, firstName="Grace")

    assert response.status_code == 200
    assert "preference-applied" not in response.headers


async def test_the_request_is_checked_as_without_the_preference(given):
    admin, customer, stranger = await given.an_admin(), await given.an_account(), await given.somebody()

    responses = [
        await admin.get(PATH, headers=ASYNC, colour="red"),
        await customer.get(PATH, headers=ASYNC),
        await stranger.get(PATH, headers=ASYNC),
    ]

    assert [each.status_code for each in responses] == [400, 403, 401]


async def test_a_repeated_request_with_its_key_gets_the_same_job(given):
    admin, key = await given.an_admin(), str(uuid4())

    responses = [await admin.get(PATH, headers={**ASYNC, "Idempotency-Key": key}) for _ in range(2)]
    without = await admin.get(PATH, headers={"Idempotency-Key": key})

    assert [each.status_code for each in (*responses, without)] == [202] * 3
    assert responses[0].json() == responses[1].json() == without.json()
    assert {each.headers["location"] for each in (*responses, without)} == {responses[0].headers["location"]}
    [(jobs,)] = await given.sql("SELECT count(*) FROM accord.jobs WHERE owner_id = %s", admin.id)
    assert jobs == 1


async def test_requests_with_one_key_at_once_make_one_job(given):
    admin, headers = await given.an_admin(), {**ASYNC, "Idempotency-Key": str(uuid4())}

    responses = await asyncio.gather(*(admin.get(PATH, headers=headers) for _ in range(8)))

    assert {each.status_code for each in responses} <= {202, 409}
    assert len({each.json()["id"] for each in responses if each.status_code == 202}) == 1
    [(jobs,)] = await given.sql("SELECT count(*) FROM accord.jobs WHERE owner_id = %s", admin.id)
    assert jobs == 1


async def test_a_key_of_a_direct_request_gets_the_first_response_with_the_preference_too(given):
    admin, key = await given.an_admin(), str(uuid4())

    first = await admin.get(PATH, headers={"Idempotency-Key": key})
    second = await admin.get(PATH, headers={**ASYNC, "Idempotency-Key": key})

    assert (first.status_code, second.status_code) == (200, 200)
    assert second.json() == first.json()


async def test_the_job_says_how_many_stand_before_it(given):
    admin = await given.an_admin()
    async with paused_queue(given):
        positions = [(await admin.get(PATH, headers=ASYNC)).json()["queuePosition"] for _ in range(3)]

    assert positions == [0, 1, 2]


async def test_past_max_waiting_the_request_is_refused_until_a_job_started(given, until):
    admin, other = await given.an_admin(), await given.an_admin()
    async with paused_queue(given):
        first = await asyncio.gather(*(admin.get(PATH, headers=ASYNC) for _ in range(MAX_WAITING)))
        second = await asyncio.gather(*(other.get(PATH, headers=ASYNC) for _ in range(MAX_WAITING // 2)))
        direct = await admin.get(PATH)

    of_admin, of_other = ([each for each in responses if each.status_code == 202] for responses in (first, second))
    assert (len(of_admin), len(of_other), direct.status_code) == (MAX_WAITING * 3 // 4, MAX_WAITING // 4, 200)
    refused = [each for each in (*first, *second) if each.status_code != 202]
    assert {(each.json()["code"], each.headers["retry-after"]) for each in refused} == {("TOO_MANY_WAITING", "10")}
    for caller, accepted in ((admin, of_admin), (other, of_other)):
        for response in accepted:
            assert (await ended(until, caller, response))["state"] == "completed"
    assert (await admin.get(PATH, headers=ASYNC)).status_code == 202


async def test_a_caller_whose_role_was_taken_before_the_start_gets_a_dead_job(given, until):
    admin, root = await given.an_admin(), await given.root()
    async with paused_queue(given):
        response = await admin.get(PATH, headers=ASYNC)
        demoted = await root.patch(f"/api/v1/users/{admin.id}", expectedVersion=1, role="customer")
        assert demoted.status_code == 200, demoted.text

    customer = await given.signed_in(admin.email)
    done = await ended(until, customer, response)
    assert (done["state"], done["result"], len(done["attempts"])) == ("dead", None, 1)
    assert (done["problem"]["code"], done["problem"]["status"]) == ("FORBIDDEN", 403)
    assert done["problem"]["requestId"] == response.headers["x-request-id"]


@pytest.mark.parametrize("end", ["disabled_at", "deleted_at"])
async def test_a_caller_whose_account_ended_before_the_start_gets_a_dead_job(given, until, end):
    admin, root = await given.an_admin(), await given.root()
    async with paused_queue(given):
        response = await admin.get(PATH, headers=ASYNC)
        await given.sql(f"UPDATE accord.users SET {end} = now() WHERE id = %s", admin.id)  # noqa: S608 - named above

    done = await ended(until, root, response)
    assert done["state"] == "dead"
    assert done["attempts"][0]["error"].startswith("FORBIDDEN: ")


async def test_a_session_that_ended_meanwhile_changes_nothing(given, until):
    admin = await given.an_admin()
    async with paused_queue(given):
        response = await admin.get(PATH, headers=ASYNC)
        assert (await admin.post("/api/v1/auth/logout", refreshToken=admin.tokens["refreshToken"])).status_code < 300

    again = await given.signed_in(admin.email)
    assert (await ended(until, again, response))["state"] == "completed"


async def test_the_job_and_its_result_are_the_callers_alone(given, until):
    admin, operator, customer = await given.an_admin(), await given.an_admin(), await given.an_account()

    response = await admin.get(PATH, headers=ASYNC)

    done = await ended(until, admin, response)
    seen = (await operator.get(response.headers["location"])).json()
    assert done["result"] is not None
    assert (seen["state"], seen["result"], seen["problem"]) == ("completed", None, None)
    assert (await customer.get(response.headers["location"])).status_code == 404


async def test_the_result_and_the_problem_are_erased_after_a_day_and_the_owner_hears_of_it(given, until):
    admin = await given.an_admin()
    old, young = [await admin.get(PATH, headers=ASYNC) for _ in range(2)]
    before, _ = [await ended(until, admin, response) for response in (old, young)]
    await given.sql(
        "UPDATE accord.jobs SET ended_at = ended_at - interval '1 day 1 minute', problem = '{}' WHERE id = %s",
        before["id"],
    )

    await given.jobs.run("cleanUpExpired")

    after, kept = [(await admin.get(response.headers["location"])).json() for response in (old, young)]
    assert (after["result"], after["problem"], after["version"]) == (None, None, before["version"] + 1)
    assert kept["result"] is not None
    last = (await given.entries(old))[-1]
    assert (last["record_version"], last["fields"]) == (after["version"], {"result": None, "problem": None})


async def test_a_cancelled_job_does_not_run(given):
    admin = await given.an_admin()
    async with paused_queue(given):
        response = await admin.get(PATH, headers=ASYNC)
        cancelled = await admin.post(f"{response.headers['location']}/cancel", expectedVersion=1)

    assert (cancelled.json()["state"], cancelled.json()["result"]) == ("cancelled", None)
