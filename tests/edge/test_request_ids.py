"""E-2: every response, log line and journal entry can be found by the id of its request."""

import asyncio
import os

import nats
import pytest
from log_lines import logged
from raw_http import connected, exchanged, request

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def an_id() -> str:
    return f"test-{os.urandom(6).hex()}"


@pytest.mark.parametrize("given_id", ["a", "A-z_0.9", "0" * 128])
@pytest.mark.parametrize("header", ["X-Request-Id", "X-Trace-Id"])
async def test_an_id_that_the_client_gives_is_kept(somebody, header, given_id):
    response = await somebody.get("/api/v1/meta/version", headers={header: given_id})

    assert response.headers["x-request-id"] == response.headers["x-trace-id"] == given_id


@pytest.mark.parametrize("given_id", [b"", b"0" * 129, b"a b", b"a/b", b"a,b", b'a"', b"\xff", b"caf\xc3\xa9", b"${x}"])
async def test_an_id_that_could_do_harm_is_replaced(service, given_id):
    response = await exchanged(service.url, request("GET", "/api/v1/me", [("X-Request-Id", given_id)]))

    assert response.headers["x-request-id"] == response.headers["x-trace-id"] == response.json()["requestId"]
    assert len(response.headers["x-request-id"]) == 32


async def test_a_valid_id_beside_an_invalid_one_counts_and_two_request_ids_do_not(service):
    bad_and_good = [("X-Request-Id", "not good"), ("X-Trace-Id", "good")]
    twice = [("X-Request-Id", "one"), ("X-Request-Id", "two")]

    assert (await exchanged(service.url, request("GET", "/livez", bad_and_good))).headers["x-request-id"] == "good"
    assert len((await exchanged(service.url, request("GET", "/livez", twice))).headers["x-request-id"]) == 32


async def test_without_one_each_request_gets_a_new_one(somebody):
    ids = {(await somebody.get("/api/v1/meta/version")).headers["x-request-id"] for _ in range(20)}

    assert len(ids) == 20


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/me", "/api/v1/users/not-an-id", "/docs", "/livez"])
async def test_every_response_has_a_request_id(somebody, path):
    given_id = an_id()

    response = await somebody.post(path, headers={"X-Request-Id": given_id}, content=b"{", params={"unknown": "1"})

    assert response.headers["x-request-id"] == given_id
    assert response.json()["requestId"] == given_id


async def test_a_request_that_is_not_http_gets_one_too(service):
    response = await exchanged(service.url, b"this is not HTTP\r\n\r\n")

    [line] = await logged(service, response.json()["requestId"])
    assert (line["status"], response.code) == (400, "VALIDATION_ERROR")


async def test_the_log_line_has_it_with_operation_status_duration_and_caller(given, service):
    given_id, me = an_id(), await given.an_account()

    await me.get("/api/v1/me", headers={"X-Request-Id": given_id})

    [line] = await logged(service, given_id)
    assert (line["operation"], line["status"], line["callerId"]) == ("getMe", 200, me.id)
    assert 0 < line["durationMs"] < 30_000


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("PATCH", "/api/v1/me", 400, "VALIDATION_ERROR"), ("GET", "/api/v1/users", 403, "FORBIDDEN")],
)
async def test_a_rejected_request_is_logged_with_its_caller_and_its_reason(given, service, method, path, status, code):
    given_id, me = an_id(), await given.an_account()
    body = {} if method == "PATCH" else None

    await me.http.request(method, path, json=body, headers={"X-Request-Id": given_id})

    [line] = await logged(service, given_id)
    assert (line["status"], line["callerId"], line["traceEvents"]) == (status, me.id, [f"REJECTED: {code}"])


async def test_the_journal_has_it(given):
    given_id, me = an_id(), await given.an_account()

    await me.patch("/api/v1/me", headers={"X-Request-Id": given_id}, expectedVersion=1, firstName="Grace")

    assert await given.sql("SELECT operation FROM accord.journal WHERE request_id = %s", given_id) == [("updateMe",)]


async def test_the_request_id_travels_over_nats_with_the_trace_context(service, somebody):
    if service.transport != "nats":
        pytest.skip("flows run in the server's own process")
    given_id, seen = an_id(), asyncio.Queue()
    listener = await nats.connect(service.nats_url)
    await listener.subscribe("api.v1.meta.getVersion.*", cb=seen.put)
    await listener.flush()

    await somebody.get("/api/v1/meta/version", headers={"X-Request-Id": given_id, "traceparent": TRACEPARENT})

    async with asyncio.timeout(30):
        while (headers := (await seen.get()).headers)["X-Request-Id"] != given_id:
            pass
    await listener.close()
    assert headers["traceparent"] == TRACEPARENT


async def test_a_trailer_is_not_a_header(service):
    head = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]
    body = b'11\r\n{"message":"ada"}\r\n0\r\nX-Request-Id: from-the-trailer\r\n\r\n'

    async with connected(service.url) as connection:
        response = await (await connection.send(request("POST", "/api/v1/meta/echo", head) + body)).response()

    assert response.status == 200
    assert response.headers["x-request-id"] != "from-the-trailer"
