"""E-5: a body is at most 1 MiB, and one that is larger is refused before it is held in memory."""

import pytest
from raw_http import chunked, connected, exchanged, request

LIMIT = 1_048_576
ECHO = "/api/v1/meta/echo"
JSON = ("Content-Type", "application/json")
CHUNKED = ("Transfer-Encoding", "chunked")


async def test_a_body_that_says_it_is_too_large_is_refused_without_being_sent(service):
    async with connected(service.url) as connection:
        await connection.send(request("POST", ECHO, [JSON, ("Content-Length", str(LIMIT + 1))]))

        response = await connection.response()

    assert (response.status, response.code) == (413, "PAYLOAD_TOO_LARGE")
    assert str(LIMIT) in response.json()["detail"]


async def test_a_body_of_exactly_the_limit_is_read(service):
    body = b'{"message":"%s"}' % (b"a" * (LIMIT - 14))
    assert len(body) == LIMIT

    for encoded in (
        request("POST", ECHO, [JSON], body),
        request("POST", ECHO, [JSON, CHUNKED], chunked(body)),
    ):
        response = await exchanged(service.url, encoded)
        assert response.json()["errors"] == [{"field": "message", "message": "must have at most 1000 characters"}]


async def test_a_chunked_body_is_refused_as_soon_as_it_is_too_large(service):
    async with connected(service.url) as connection:
        await connection.send(request("POST", ECHO, [JSON, CHUNKED]))
        await connection.send(b"".join(b"10000\r\n%s\r\n" % (b"[" * 65_536) for _ in range(17)))

        response = await connection.response()

    assert (response.status, response.code) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
async def test_the_connection_stays_in_step_after_a_413(service, size):
    """Whatever of the body still comes is not taken for the next request."""
    body = b"GET /nowhere HTTP/1.1\r\n\r\n".ljust(size, b"x")

    async with connected(service.url) as connection:
        await connection.send(request("POST", ECHO, [("Content-Type", "text/plain")], body))
        refused = await connection.response()
        after = await (await connection.send(request("GET", "/api/v1/meta/version"))).response()

    assert refused.status == (415 if size == LIMIT else 413)
    assert (after.status, after.json()["name"]) == (200, "accord")


async def test_a_client_that_waits_for_100_continue_may_not_go_on_after_a_413(service):
    """It may send the body or not; only a new connection is surely in step (RFC 9110, section 10.1.1)."""
    head = [("Content-Type", "text/plain"), ("Content-Length", "5"), ("Expect", "100-continue")]

    async with connected(service.url) as connection:
        response = await (await connection.send(request("POST", ECHO, head))).response()

        assert (response.status, response.headers["connection"]) == (415, "close")
        assert await connection.is_closed()


async def test_a_client_that_waits_is_told_to_go_on(service):
    body = b'{"message":"ada"}'
    head = [JSON, ("Content-Length", str(len(body))), ("Expect", "100-continue")]

    async with connected(service.url) as connection:
        told = await (await connection.send(request("POST", ECHO, head))).response()
        response = await (await connection.send(body)).response()

    assert (told.status, response.status, response.body) == (100, 200, body)


async def test_a_body_without_end_fills_no_memory(production):
    before = production.memory

    async with connected(production.url) as connection:
        await connection.send(request("POST", ECHO, [JSON, CHUNKED]))
        piece = b"100000\r\n%s\r\n" % (b" " * LIMIT)
        for _ in range(48):
            await connection.send(piece)
        response = await connection.response()

    assert response.status == 413
    assert production.memory - before < 16 * LIMIT
