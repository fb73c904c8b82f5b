"""O-5: OpenTelemetry traces, from HTTP to SQL and across NATS, in a collector of the test's own."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from given import PASSWORD, Given, new_email
from processes import once, wait_until
from trace_collector import Collector, collecting

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CLIENT_SPAN = "00f067aa0ba902b7"
STATE = "vendor=t61rcWkgMzE"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture
def exporting(collector) -> dict[str, str]:
    return collector.variables


async def change_name(given: Given, url: str) -> httpx.Response:
    """Change an account's name within the trace of a client."""
    me = await given.an_account()
    headers = {
        "authorization": me.http.headers["authorization"],
        "traceparent": f"00-{TRACE}-{CLIENT_SPAN}-01",
        "tracestate": STATE,
    }
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
        return await http.patch("/api/v1/me", json={"expectedVersion": 1, "firstName": "Canary-Name"})


@once
async def test_a_request_is_one_trace_from_http_to_sql(given, another, collector, exporting):
    service = await asyncio.to_thread(another(**exporting).start)

    response = await change_name(given, service.url)

    assert response.status_code == 200
    arrived = await collector.trace(TRACE, "PATCH /api/v1/me", "dispatch updateMe", "flow updateMe")
    spans = {span.name: span for span in arrived}
    http, dispatch, flow = (spans[name] for name in ("PATCH /api/v1/me", "dispatch updateMe", "flow updateMe"))
    assert [http.parent, dispatch.parent, flow.parent] == [CLIENT_SPAN, http.id, dispatch.id]
    statements = [span for span in spans.values() if "db.query.text" in span.attributes]
    assert any("UPDATE accord.users" in span.attributes["db.query.text"] for span in statements)
    assert {span.parent for span in statements} <= {http.id, dispatch.id, flow.id}
    assert http.attributes["http.response.status_code"] == "200"
    assert http.attributes["http.route"] == "/api/v1/me"
    assert http.attributes["accord.request_id"] == response.headers["x-request-id"]
    assert {span.service for span in spans.values()} == {"accord-serve"}


@once
async def test_errors_are_in_the_trace_and_values_never_are(given, another, collector, exporting):
    service = await asyncio.to_thread(another(**exporting).start)
    await change_name(given, service.url)
    refused = await change_name(given, service.url)
    wrong = {"email": new_email(), "password": f"canary {PASSWORD}"}

    async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        assert (await http.post("/api/v1/auth/login?canary=query", json=wrong)).status_code in {400, 401}
        assert (await http.post("/api/v1/auth/login", json=wrong)).status_code == 401

    login = await collector.first("dispatch login")
    assert login.attributes["accord.error_code"] == "INVALID_CREDENTIALS"
    assert refused.status_code == 200
    assert b"anary" not in collector.received
    assert b"Bearer" not in collector.received
    # What nobody asked for, such as looking for ended sessions, is no trace; nor are probes, which came first.
    roots = {span.name for span in collector.spans if not span.parent}
    assert roots <= {"POST", "POST /api/v1/auth/login", "PATCH /api/v1/me", "GET /api/v1/me"}


@once
async def test_a_trace_goes_on_in_the_worker(given, another, collector, exporting):
    both = another(**exporting)
    worker, gateway = both.run("worker", "worker"), both.run("server", "gateway", "--port", "0")
    both.url = await asyncio.to_thread(gateway.wait_for, r"listens on (\S+)")
    await asyncio.to_thread(worker.wait_for, "(worker is ready)")
    await asyncio.to_thread(wait_until, both.is_ready)

    assert (await change_name(given, both.url)).status_code == 200

    # What is last of the worker may come after what is last of the gateway.
    dispatches = ("dispatch updateMe", "dispatch updateMe")
    spans = await collector.trace(TRACE, "PATCH /api/v1/me", *dispatches, "flow updateMe")
    [http] = [span for span in spans if span.name == "PATCH /api/v1/me"]
    [sent] = [span for span in spans if span.name == "dispatch updateMe" and span.service == "accord-gateway"]
    [received] = [span for span in spans if span.name == "dispatch updateMe" and span.service == "accord-worker"]
    [flow] = [span for span in spans if span.name == "flow updateMe"]
    assert [sent.parent, received.parent, flow.parent] == [http.id, sent.id, received.id]
    assert [http.kind, sent.kind, received.kind] == [2, 3, 2]  # server, client, server
    assert flow.service == "accord-worker"
    assert {span.state for span in (http, sent, received, flow)} == {STATE}
    # Whether a gateway is ready is asked of a worker, too.
    assert [span for span in collector.spans if span.name.endswith("getVersion")] == []
    assert any(
        "UPDATE accord.users" in s.attributes.get("db.query.text", "") for s in spans if s.service == "accord-worker"
    )


@once
async def test_an_unreachable_collector_delays_neither_responses_nor_the_end(given, another):
    # The exporter tries for two minutes, and OpenTelemetry waits for it for half of one.
    away = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "120"}
    service = another(**away, OTEL_BSP_SCHEDULE_DELAY="50")
    await asyncio.to_thread(service.start)

    started = time.monotonic()
    assert (await change_name(given, service.url)).status_code == 200
    assert time.monotonic() - started < 20
    started = time.monotonic()

    assert await asyncio.to_thread(service.programs[0].stop) == 0
    assert time.monotonic() - started < 20


@once
def test_without_an_exporter_nothing_of_it_is_imported():
    program = "import sys, accord.boot.serving, accord.edge.app; print('opentelemetry' in sys.modules)"

    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
