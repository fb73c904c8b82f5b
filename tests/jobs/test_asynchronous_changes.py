"""Q-14 for changes: a release whose contract has `x-async` at two more operations, beside the service of all tests.

The service of all tests runs jobs, too, and leaves those of the operations that no job of its release can run.
"""

import json
import signal
from contextlib import AsyncExitStack
from uuid import uuid4

import httpx
import psycopg
import pytest
from checked_client import new_address
from given import Given
from processes import beside, once
from source_copies import copy_sources

pytestmark = once
ME, TRANSACTIONS = "/api/v1/me", "/api/v1/transactions"
ADDED = {"202": "Accepted", "409": "VersionConflict", "422": "IdempotencyKeyReused", "503": "TooManyWaiting"}


def made_asynchronous(folder):
    """Copy the packages, and let jobs run two more operations; return where the packages are."""
    copy_sources(folder, "src", "openapi")
    file = folder / "openapi" / "bundle.json"
    document = json.loads(file.read_text("utf-8"))
    for path, method in ((ME, "patch"), (TRANSACTIONS, "post")):
        operation = document["paths"][path][method]
        operation["x-async"] = {"maxWaiting": 10}
        names = [{"$ref": f"#/components/parameters/{name}"} for name in ("Prefer", "IdempotencyKey")]
        operation["parameters"] = [*operation.get("parameters", []), *names]
        added = {status: {"$ref": f"#/components/responses/{name}"} for status, name in ADDED.items()}
        operation["responses"] = {**added, **operation["responses"], "503": added["503"]}
    file.write_text(json.dumps(document), "utf-8")
    return folder / "src"


class Changed:
    """The other release: a process that serves, and one that runs jobs."""

    def __init__(self, service) -> None:
        self.service = service
        self.runner = self.started()

    def started(self):
        name = f"runner-{uuid4().hex[:8]}"
        runner = self.service.run(name, "worker", JOB_QUEUES="operations", JOB_LEASE="3s")
        runner.wait_for(r"(worker is ready)")
        return runner

    async def send(self, me, method, path, key=None, **body):
        """Send a request that prefers a job; the checked client would hold the response to another contract."""
        headers = {"Authorization": f"Bearer {me.tokens['accessToken']}", "X-Forwarded-For": new_address()}
        headers |= {"Prefer": "respond-async"} | ({"Idempotency-Key": key} if key else {})
        async with httpx.AsyncClient(base_url=self.service.url, headers=headers, timeout=60) as http:
            return await http.request(method, path, json=body)


@pytest.fixture(scope="module")
def changed(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("changed")
    other = beside(service, folder, PYTHONPATH=str(made_asynchronous(folder / "tree")))
    try:
        yield Changed(other.start())
    finally:
        other.stop()


@pytest.fixture
async def given(changed):
    async with AsyncExitStack() as stack:
        yield Given(changed.service, stack)


async def ended(until, me, response):
    assert response.status_code == 202, response.text
    path = response.headers["location"]
    return (await until(lambda: me.get(path), lambda seen: seen.json()["endedAt"])).json()


async def test_the_change_and_its_entry_are_those_of_the_caller_and_of_the_operation(changed, given, until):
    me = await given.an_account()

    response = await changed.send(me, "PATCH", ME, expectedVersion=1, firstName="Grace")

    job = await ended(until, me, response)
    assert (job["state"], job["result"]["status"], job["result"]["body"]["version"]) == ("completed", 200, 2)
    assert job["result"]["body"] == (await me.get(ME)).json()
    entries = [entry for entry in await given.entries(response) if entry["record_table"] == "users"]
    [(kind, actor, operation)] = [(one["actor_kind"], one["actor_id"], one["operation"]) for one in entries]
    assert (kind, actor, operation) == ("user", me.id, "updateMe")


async def test_the_problem_of_a_stale_version_makes_the_job_dead_at_once(changed, given, until):
    me = await given.an_account(version=7)

    response = await changed.send(me, "PATCH", ME, expectedVersion=6, firstName="Grace")

    job = await ended(until, me, response)
    assert (job["state"], job["result"], len(job["attempts"])) == ("dead", None, 1)
    problem = job["problem"]
    assert (problem["code"], problem["status"], problem["currentVersion"]) == ("VERSION_CONFLICT", 409, 7)
    assert problem["instance"] == response.headers["location"]
    assert problem["requestId"] == response.headers["x-request-id"]
    assert (await me.get(ME)).json()["firstName"] == "Ada"


async def test_a_field_that_does_not_fit_is_told_before_there_is_a_job(changed, given):
    me = await given.an_account()

    response = await changed.send(me, "PATCH", ME, expectedVersion=1, firstName="")

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "firstName")
    assert await given.sql("SELECT 1 FROM accord.jobs WHERE owner_id = %s", me.id) == []


async def test_the_same_key_gives_the_same_job_and_another_body_is_refused(changed, given, until):
    me, key = await given.an_account(), str(uuid4())

    first = await changed.send(me, "PATCH", ME, key, expectedVersion=1, firstName="Grace")
    await ended(until, me, first)
    second = await changed.send(me, "PATCH", ME, key, expectedVersion=1, firstName="Grace")
    other = await changed.send(me, "PATCH", ME, key, expectedVersion=1, firstName="Ada")

    assert second.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert (await me.get(ME)).json()["version"] == 2


async def test_a_key_in_the_body_counts_for_the_job_and_not_for_its_run(changed, given, until):
    me, record = await given.an_account(), str(uuid4())
    creation = {"op": "create", "table": "conversations", "id": record, "record": {"title": "Plans"}}
    body = {"transactionId": str(uuid4()), "operations": [creation]}

    responses = [await changed.send(me, "POST", TRANSACTIONS, **body) for _ in range(2)]

    assert responses[0].json() == responses[1].json()
    assert (await ended(until, me, responses[0]))["state"] == "completed"
    assert (await me.get(f"/api/v1/conversations/{record}")).json()["title"] == "Plans"


async def test_a_request_that_is_too_large_for_a_job_is_told_so(changed, given):
    me = await given.an_account()
    record = {"title": "x" * 200}
    creations = [{"op": "create", "table": "conversations", "id": str(uuid4()), "record": record} for _ in range(300)]

    response = await changed.send(me, "POST", TRANSACTIONS, transactionId=str(uuid4()), operations=creations)

    assert (response.status_code, response.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert "no Prefer" in response.json()["detail"]
    assert await given.sql("SELECT 1 FROM accord.jobs WHERE owner_id = %s", me.id) == []


async def test_killed_in_mid_job_the_change_is_made_once_by_another_process(changed, given, until):
    me = await given.an_account()
    async with await psycopg.AsyncConnection.connect(changed.service.database_url) as holder:
        await holder.execute("SELECT FROM accord.users WHERE id = %s FOR UPDATE", (me.id,))
        response = await changed.send(me, "PATCH", ME, expectedVersion=1, firstName="Grace")
        await given.lock_waiters(1)
        changed.runner.stop(signal.SIGKILL)

    changed.runner = changed.started()

    job = await ended(until, me, response)
    assert (job["state"], [attempt["outcome"] for attempt in job["attempts"]]) == ("completed", ["lost", "ok"])
    assert job["result"]["body"]["version"] == (await me.get(ME)).json()["version"] == 2
