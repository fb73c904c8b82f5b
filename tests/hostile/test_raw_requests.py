"""What no HTTP client sends: each gets an answer that is a problem, in its turn, and the connection stays in step."""

import asyncio

import pytest
from hostile_input import BODY, CHUNKED, ECHO, JSON, MALFORMED, VERSION, echo
from raw_http import chunked, connected, exchanged, request

NEXT = request("GET", VERSION)


@pytest.mark.parametrize("what", MALFORMED)
async def test_what_is_not_http_is_400_and_ends_the_connection(url, what):
    async with connected(url) as connection:
        answer = await (await connection.send(MALFORMED[what])).answer()

        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
        assert answer.headers["connection"] == "close"
        assert await connection.is_closed()
    assert (await exchanged(url, NEXT)).status == 200


ODD = {
    "an absolute target": (request("GET", f"http://evil.example{VERSION}"), 200),
    "two slashes": (request("GET", f"/{VERSION}"), 404),
    "options of everything": (request("OPTIONS", "*"), 404),
    "a known method of others": (request("PROPFIND", VERSION), 405),
    "TRACE": (request("TRACE", VERSION), 405),
    "a fragment": (request("GET", f"{VERSION}#fragment"), 200),
    "bytes in a header": (request("GET", VERSION, [("X", bytes(range(0x80, 0x100)))]), 200),
    "no host": (f"GET {VERSION} HTTP/1.1\r\nX-Forwarded-For: 10.99.99.99\r\n\r\n".encode(), 200),
    "another host": (request("GET", VERSION, [("Host", "evil.example")]), 200),
    "an empty line before": (b"\r\n" + NEXT, 200),
    "an upgrade to HTTP/2": (request("GET", VERSION, [("Connection", "Upgrade"), ("Upgrade", "h2c")]), 200),
    "an upgrade of an operation": (request("GET", VERSION, [("Connection", "Upgrade"), ("Upgrade", "websocket")]), 200),
    "an upgrade of nothing": (request("GET", "/nowhere", [("Connection", "Upgrade"), ("Upgrade", "websocket")]), 404),
    "chunks of one byte": (echo(CHUNKED, body=chunked(*(BODY[at : at + 1] for at in range(15)))), 200),
    "chunks in capitals": (echo(("Transfer-Encoding", "CHUNKED"), body=chunked(BODY)), 200),
    "a chunk extension": (echo(CHUNKED, body=b"f;a=b\r\n" + BODY + b"\r\n0\r\n\r\n"), 200),
    "a trailer": (echo(CHUNKED, body=b"f\r\n" + BODY + b"\r\n0\r\nX: y\r\n\r\n"), 200),
}


@pytest.mark.parametrize("what", ODD)
async def test_what_is_odd_but_http_has_one_meaning(url, what):
    sent, status = ODD[what]

    answer = await exchanged(url, sent)

    assert answer.status == status
    assert b"evil" not in answer.body + answer.headers.get("location", "").encode()


UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
KEY = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
HANDSHAKES = {
    "another method": (request("POST", "/api/v1/ws", [*UPGRADE, KEY]), 404),
    "a body": (request("GET", "/api/v1/ws", [*UPGRADE, KEY], b"hello"), 404),
    "another method with a body": (request("POST", "/api/v1/ws", [*UPGRADE, KEY], b"hello"), 404),
    "many headers": (request("GET", "/api/v1/ws", [*UPGRADE, KEY, *((f"X-{n}", "y") for n in range(200))]), 404),
    "a long header": (request("GET", "/api/v1/ws", [*UPGRADE, KEY, ("X", "y" * 20_000)]), 404),
    "no upgrade": (request("GET", "/api/v1/ws"), 404),
    "no key": (request("GET", "/api/v1/ws", UPGRADE), 400),
    "a bad key": (request("GET", "/api/v1/ws", [*UPGRADE, ("Sec-WebSocket-Key", "x")]), 400),
    "another version": (request("GET", "/api/v1/ws", [*UPGRADE[:2], KEY, ("Sec-WebSocket-Version", "99")]), 400),
    "another origin": (request("GET", "/api/v1/ws", [*UPGRADE, KEY, ("Origin", "https://evil.example")]), 403),
    "another path": (request("GET", "/api/v1/ws/", [*UPGRADE, KEY]), 404),
}


@pytest.mark.parametrize("what", HANDSHAKES)
async def test_a_handshake_that_is_none_is_answered_and_ended(url, what):
    sent, status = HANDSHAKES[what]

    async with connected(url) as connection:
        answer = await (await connection.send(sent)).answer()

        assert answer.status == status
        assert what == "no upgrade" or await connection.is_closed()


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "nonsense"])
async def test_the_body_of_a_request_to_upgrade_is_never_the_next_request(url, upgrade):
    smuggled = request("GET", "/nowhere")
    head = [JSON, ("Connection", "Upgrade"), ("Upgrade", upgrade), ("Content-Length", str(len(smuggled)))]

    async with connected(url) as connection:
        await connection.send(request("POST", ECHO, head))
        answer = await (await connection.send(smuggled)).answer()

        assert answer.status == 400
        assert await connection.is_closed()


async def test_requests_in_a_row_are_answered_in_that_order(url):
    numbered = b"".join(request("GET", VERSION, [("X-Request-Id", f"number-{n}")]) for n in range(20))

    async with connected(url) as connection:
        await connection.send(numbered)
        ids = [(await connection.answer()).headers["x-request-id"] for _ in range(20)]

    assert ids == [f"number-{n}" for n in range(20)]


async def test_a_request_may_come_in_any_pieces(url):
    whole = request("POST", ECHO, [JSON, CHUNKED]) + chunked(*(bytes([byte]) for byte in BODY))

    async with connected(url) as connection:
        for cut in range(1, len(whole), 7):
            await connection.send(whole[:cut])
            await asyncio.sleep(0.001)
            answer = await (await connection.send(whole[cut:])).answer()

            assert (answer.status, answer.body) == (200, BODY)


async def test_nothing_is_done_behind_a_request_that_ends_the_connection(url):
    async with connected(url) as connection:
        await connection.send(request("GET", VERSION, [("Connection", "close")]) + NEXT)
        answer = await connection.answer()

        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await connection.is_closed()


@pytest.mark.parametrize("noise", [b"noise\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000])
async def test_noise_behind_a_request_does_not_take_its_answer(url, noise):
    async with connected(url) as connection:
        await connection.send(request("GET", "/api/v1/healthcheck", [("X-Request-Id", "first")]) + noise)
        answer = await connection.answer()

        assert (answer.status, answer.headers["x-request-id"]) == (200, "first")


async def test_a_refused_body_is_not_the_next_request(url):
    smuggled = request("GET", "/nowhere")

    async with connected(url) as connection:
        await connection.send(request("POST", ECHO, [("Content-Type", "text/plain")], smuggled) + NEXT)
        refused, after = await connection.answer(), await connection.answer()

    assert (refused.status, after.status) == (415, 200)


async def test_a_body_that_breaks_off_in_the_middle_is_refused(url):
    async with connected(url) as connection:
        await connection.send(request("POST", ECHO, [JSON, CHUNKED]) + b"3\r\n{}")
        answer = await (await connection.send(b"too long\r\n")).answer()

        assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
        assert await connection.is_closed()
