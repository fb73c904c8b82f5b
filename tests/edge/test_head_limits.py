"""E-5: what comes before the body is limited in size and time, and so is what comes behind it."""

import asyncio

import pytest
from raw_http import connected, exchanged, request

MAX_URL = 8192
MAX_HEAD = 32_768
KNOWN = len("Host") + len("accord.test") + len("X-Forwarded-For") + 12
CHUNKED = [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]


async def refused(connection) -> None:
    response = await connection.response()
    assert (response.status, response.code) == (400, "VALIDATION_ERROR")
    assert response.headers["connection"] == "close"
    assert await connection.is_closed()


@pytest.mark.parametrize("spare", [0, 1])
async def test_a_url_may_have_8192_characters(service, spare):
    path = "/api/v1/users?search=".ljust(MAX_URL + spare, "a")

    response = await exchanged(service.url, request("GET", path))

    assert response.status == (400 if spare else 401)


@pytest.mark.parametrize("value", [b"a" * (MAX_HEAD - 100), b"a" * MAX_HEAD], ids=["below", "above"])
async def test_headers_may_have_32_kib(service, value):
    response = await exchanged(service.url, request("GET", "/api/v1/meta/version", [("X", value)]))

    assert response.status == (200 if len(value) < MAX_HEAD else 400)


async def test_many_small_headers_count_as_well(service):
    many = [(f"X-{number}", "value") for number in range(5000)]

    response = await exchanged(service.url, request("GET", "/api/v1/meta/version", many))

    assert (response.status, response.code) == (400, "VALIDATION_ERROR")


async def test_a_token_that_is_too_long_to_be_read_is_a_bad_one(service):
    for length in (40_000, 1_000_000):
        token = [("Authorization", b"Bearer " + b"x" * length)]
        response = await exchanged(service.url, request("GET", "/api/v1/me", token))
        assert (response.status, response.code) == (401, "UNAUTHORIZED")
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


ENDLESS = {
    "url": (b"GET /", b"a" * 65_536),
    "header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"a" * 65_536),
    "header name": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"a" * 65_536),
    "headers": (b"GET / HTTP/1.1\r\n", b"X: a\r\n" * 10_000),
    "chunk extension": (request("POST", "/api/v1/meta/echo", CHUNKED) + b"1;", b"a" * 65_536),
    "trailer": (request("POST", "/api/v1/meta/echo", CHUNKED) + b"0\r\nX: ", b"a" * 65_536),
    "trailers": (request("POST", "/api/v1/meta/echo", CHUNKED) + b"0\r\n", b"X: a\r\n" * 10_000),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_an_endless_head_is_cut_off(service, what):
    beginning, more = ENDLESS[what]

    async with connected(service.url) as connection:
        await connection.send(beginning)
        for _ in range(16):
            await connection.send(more)
            await asyncio.sleep(0)

        await refused(connection)


async def test_many_that_send_without_end_fill_no_memory(production):
    before = production.memory

    async def flood() -> None:
        async with connected(production.url) as connection:
            await connection.send(b"GET / HTTP/1.1\r\nX: ")
            for _ in range(64):
                await connection.send(b"a" * 65_536)
            await refused(connection)

    await asyncio.gather(*(flood() for _ in range(32)))

    assert production.memory - before < 32 * 1024 * 1024, "128 MiB were sent"


async def test_a_head_has_no_more_time_than_a_request(impatient):
    for beginning in (b"", b"GET /livez HTTP/1.1\r\n", b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET"):
        async with connected(impatient.url) as connection:
            started = asyncio.get_running_loop().time()
            await connection.send(beginning)
            if beginning.endswith(b"GET"):
                assert (await connection.response()).status == 200
                await connection.send(b" /livez")
            assert await connection.is_closed()
            # Else it would have 30 seconds, or as an idle one 75.
            assert asyncio.get_running_loop().time() - started < 20


async def test_a_connection_that_is_used_is_not_cut_off(impatient):
    async with connected(impatient.url) as connection:
        begun = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() - begun < 2 * impatient.timeout:
            assert (await (await connection.send(request("GET", "/livez"))).response()).status == 200
            await asyncio.sleep(impatient.timeout / 4)
