"""O-5: what Prometheus reads, and who may."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import httpx
import pytest
from flows.jobs.samples import a_job
from given import PASSWORD, Given
from processes import once
from prometheus_client.parser import text_string_to_metric_families
from running import Service

TOKEN = "the token of a scraper, which is long enough"


async def metrics(service: Service, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as http:
        return await http.get("/metrics")


async def value(service: Service, name: str, **labels: str) -> float:
    """Return a sample's value; 0 before it was ever counted."""
    return next(iter(values((await metrics(service)).text, name, **labels)), 0.0)


def values(page: str, name: str, **labels: str) -> list[float]:
    """Return what a page says of a name, for each of its other labels."""
    samples = (sample for family in text_string_to_metric_families(page) for sample in family.samples)
    return [sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()]


class Growth:
    """By how much samples grow while a test does something."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def of(self, name: str, **labels: str) -> "Growth":
        self._what, self._before = (name, labels), await value(self._service, name, **labels)
        return self

    async def now(self) -> float:
        name, labels = self._what
        return await value(self._service, name, **labels) - self._before


async def test_requests_and_flows_are_counted_and_timed_by_operation_and_status(given, service):
    me = await given.an_account()
    requests = await Growth(service).of("accord_request_seconds_count", operation="updateMe", status="200")
    flows = await Growth(service).of("accord_flow_seconds_count", operation="updateMe", status="200")
    refused = await Growth(service).of("accord_request_seconds_count", operation="updateMe", status="400")
    refused_flows = await Growth(service).of("accord_flow_seconds_count", operation="updateMe", status="400")

    for version in (1, 2, 3):
        assert (await me.patch("/api/v1/me", expectedVersion=version, firstName="Me")).status_code == 200
    assert (await me.patch("/api/v1/me", firstName="Me")).status_code == 400

    assert (await requests.now(), await flows.now()) == (3, 3)
    assert (await refused.now(), await refused_flows.now()) == (1, 0)
    seconds = await value(service, "accord_request_seconds_sum", operation="updateMe", status="200")
    in_flows = await value(service, "accord_flow_seconds_sum", operation="updateMe", status="200")
    assert 0 < in_flows < seconds


async def test_every_bucket_of_a_histogram_includes_the_smaller_ones(given, service):
    await (await given.an_account()).get("/api/v1/me")
    page = (await metrics(service)).text

    counts = [float(n) for n in re.findall(r'accord_request_seconds_bucket\{.*"getMe".*status="200"\} (\S+)', page)]

    assert len(counts) == 14
    assert counts == sorted(counts)
    assert counts[-1] == await value(service, "accord_request_seconds_count", operation="getMe", status="200") > 0


async def test_logins_are_counted_by_result(given, service):
    me = await given.an_account()
    good = await Growth(service).of("accord_logins_total", result="OK")
    bad = await Growth(service).of("accord_logins_total", result="INVALID_CREDENTIALS")

    await given.signed_in(me.email, PASSWORD)
    await given.failed_logins(me.email, 2)

    assert (await good.now(), await bad.now()) == (1, 2)


async def test_conflicts_are_counted_by_table(given, service):
    me = await given.an_account(version=5)
    conflicts = await Growth(service).of("accord_conflicts_total", table="users")

    assert (await me.patch("/api/v1/me", expectedVersion=4, firstName="Late")).status_code == 409
    stale = await me.patch("/api/v1/me", expectedVersion=4, firstName="Late", headers={"If-Match": '"4"'})
    assert stale.status_code == 412

    assert await conflicts.now() == 2


@pytest.fixture
async def lonely(alone) -> AsyncIterator[Given]:
    """A service that no other test reaches: its metrics are those of one process, from its start."""
    service = alone()
    await asyncio.to_thread(service.seed_root)
    await asyncio.to_thread(service.start)
    async with AsyncExitStack() as stack:
        yield Given(service, stack)


@once
async def test_attempts_of_jobs_are_counted_by_outcome_and_timed(lonely, until):
    given, service, task = lonely, lonely.service, "sendWelcomeFollowUp"
    me = await given.an_account()
    ended = await Growth(service).of("accord_job_attempts_total", task=task, outcome="ok")
    timed = await Growth(service).of("accord_job_seconds_count", task=task)
    started = await Growth(service).of("accord_job_start_lag_seconds_count", queue="mail")

    jobs = [await given.jobs.run(task, userId=me.id) for _ in range(2)]
    assert [[attempt["outcome"] for attempt in job.attempts] for job in jobs] == [["ok"]] * 2, jobs

    # An attempt is measured after its commit.
    assert await until(ended.now, lambda count: count >= 2) == 2
    assert (await timed.now(), await started.now() >= 2) == (2, True)
    assert await value(service, "accord_job_leases_lost_total") == 0


async def test_jobs_are_counted_by_queue_and_state_and_the_oldest_that_is_ready_has_an_age(given, service, until):
    queue = f"tests{uuid4().hex}"
    for _ in range(2):
        await a_job(given, "queued", queue=queue)
    await a_job(given, "scheduled", queue=queue)

    async def page() -> str:
        return (await metrics(service)).text

    found = await until(page, lambda text: values(text, "accord_jobs", queue=queue, state="queued"))

    counts = [values(found, "accord_jobs", queue=queue, state=state) for state in ("queued", "scheduled")]
    assert counts == [[2], [1]]
    [age] = values(found, "accord_jobs_oldest_ready_seconds", queue=queue)
    assert 0 < age < 60
    # Samples are in queues that are paused.
    assert values(found, "accord_queue_paused", queue=queue) == [1]


async def test_the_pool_shows_connections_in_use_idle_and_requests_that_wait(service, until):
    # What the process does by itself may wait for a moment.
    response = await until(
        lambda: metrics(service), lambda response: values(response.text, "accord_pool_waiting") == [0]
    )

    idle, in_use = (values(response.text, "accord_pool_connections", state=state) for state in ("idle", "in_use"))
    assert sum(idle + in_use) >= 1


async def test_no_path_and_no_identifier_becomes_a_label(given, service):
    somebody = await given.somebody()
    for path in ("/made-up-path", "/api/v1/users/made-up-id", "/api/v1/made-up"):
        await somebody.get(path)
    await somebody.request("BREW", "/api/v1/me")

    page = (await metrics(service)).text

    assert "made-up" not in page
    assert "BREW" not in page


async def test_without_a_token_only_this_machine_may_read(given, service):
    stranger = await given.somebody()

    assert (await metrics(service)).status_code == 200
    response = await stranger.get("/metrics")

    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")


@once
async def test_with_a_token_metrics_need_the_token(another):
    service = await asyncio.to_thread(another(METRICS_TOKEN=TOKEN).start)

    responses = [
        await metrics(service),
        await metrics(service, Authorization="Bearer something else"),
        await metrics(service, Authorization=f"Bearer {TOKEN}"),
        await metrics(service, Authorization=f"Bearer {TOKEN}", **{"X-Forwarded-For": "192.0.2.7"}),
    ]

    assert [response.status_code for response in responses] == [401, 401, 200, 200]
    assert responses[2].headers["content-type"].startswith("text/plain; version=0.0.4")
    assert TOKEN not in responses[2].text
