"""What no HTTP client sends: each gets a response that is a problem, in its turn, and the connection stays in step."""

import asyncio
import json
from contextlib import suppress
from uuid import uuid4

import pytest
from hostile_input import BODY, CHUNKED, ECHO, JSON, MALFORMED, VERSION, echo
from raw_http import chunked, connected, exchanged, request

NEXT = request("GET", VERSION)


@pytest.mark.parametrize("what", MALFORMED)
async def test_input_that_is_not_http_is_400_and_ends_the_connection(url, what):
    """What is sent behind it in one go is not the next request, as nobody knows where that begins."""
    async with connected(url) as connection:
        response = await (await connection.send(MALFORMED[what] + NEXT)).response()

        assert (response.status, response.code) == (400, "VALIDATION_ERROR")
        assert response.headers["connection"] == "close"
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
    "no host in HTTP/1.0": (f"GET {VERSION} HTTP/1.0\r\nX-Forwarded-For: 10.99.99.99\r\n\r\n".encode(), 200),
    "another host": (NEXT.replace(b"accord.test", b"evil.example"), 200),
    "a host with a port": (NEXT.replace(b"accord.test", b"[2001:db8::1]:8000"), 200),
    "a host of nothing": (NEXT.replace(b"accord.test", b""), 200),
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
async def test_odd_but_valid_http_has_one_meaning(url, what):
    sent, status = ODD[what]

    response = await exchanged(url, sent)

    assert response.status == status
    assert b"evil" not in response.body + response.headers.get("location", "").encode()


HOST = b"Host: accord.test\r\n"
HOSTS = {
    "no host": b"",
    "two hosts": HOST * 2,
    "two other hosts": b"Host: a.test\r\nHost: b.test\r\n",
    "a bad host": b"Host: accord.test/path\r\n",
}


@pytest.mark.parametrize("path", [VERSION, "/livez"])
@pytest.mark.parametrize("hosts", HOSTS.values(), ids=HOSTS)
async def test_a_good_host_counts_for_no_later_request_of_its_connection(url, path, hosts):
    good = request("GET", path)

    async with connected(url) as connection:
        first = await (await connection.send(good)).response()
        second = await (await connection.send(good.replace(HOST, hosts))).response()

        assert (first.status, second.status, second.code) == (200, 400, "VALIDATION_ERROR")
        assert second.headers["connection"] == "close"
        assert await connection.is_closed()


@pytest.mark.parametrize("path", [VERSION, "/livez"])
@pytest.mark.parametrize("is_kept", [False, True])
async def test_a_request_of_http_1_0_without_host_is_the_last_of_its_connection(url, path, is_kept):
    """HTTP/1.1 needs the Host that HTTP/1.0 may leave out; a connection that ends lends it to no later request."""
    old = request("GET", path, [("Connection", "keep-alive")] if is_kept else [])
    later = request("GET", path).replace(HOST, b"")

    async with connected(url) as connection:
        await connection.send(old.replace(HOST, b"").replace(b"HTTP/1.1", b"HTTP/1.0") + later)
        response = await connection.response()

        assert (response.status, response.headers["connection"]) == (200, "close")
        assert await connection.is_closed()


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
    "HTTP/1.0": (request("GET", "/api/v1/ws", [*UPGRADE, KEY]).replace(b"HTTP/1.1", b"HTTP/1.0", 1), 404),
    "another upgrade": (request("GET", "/api/v1/ws", [UPGRADE[0], ("Upgrade", "h2c"), UPGRADE[2], KEY]), 404),
    "a list of upgrades": (
        request("GET", "/api/v1/ws", [UPGRADE[0], ("Upgrade", "h2c, websocket"), UPGRADE[2], KEY]),
        404,
    ),
    "an upgrade that the connection does not name": (request("GET", "/api/v1/ws", [*UPGRADE[1:], KEY]), 404),
    "no version": (request("GET", "/api/v1/ws", [*UPGRADE[:2], KEY]), 400),
    "two keys": (request("GET", "/api/v1/ws", [*UPGRADE, KEY, KEY]), 400),
}


NO_UPGRADE = {"no upgrade", "an upgrade that the connection does not name"}


@pytest.mark.parametrize("what", HANDSHAKES)
async def test_an_invalid_handshake_gets_a_response_and_ends(url, what):
    sent, status = HANDSHAKES[what]

    async with connected(url) as connection:
        response = await (await connection.send(sent)).response()

        assert response.status == status
        assert what in NO_UPGRADE or await connection.is_closed()


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "nonsense"])
async def test_the_body_of_a_request_to_upgrade_is_never_the_next_request(url, upgrade):
    smuggled = request("GET", "/nowhere")
    head = [JSON, ("Connection", "Upgrade"), ("Upgrade", upgrade), ("Content-Length", str(len(smuggled)))]

    async with connected(url) as connection:
        await connection.send(request("POST", ECHO, head))
        response = await (await connection.send(smuggled)).response()

        assert response.status == 400
        assert await connection.is_closed()


KINDS = [
    (request("GET", VERSION), 200),
    (request("GET", "/api/v1/healthcheck"), 200),
    (request("GET", "/livez"), 200),
    (request("HEAD", VERSION), 200),
    (request("GET", "/nowhere"), 404),
    (request("POST", ECHO, [JSON], BODY), 200),
    (request("POST", ECHO, [JSON, CHUNKED]) + chunked(BODY, b"\r\n\r\n"), 200),
    (request("POST", ECHO, [JSON, CHUNKED]) + chunked(BODY)[:-2] + b"X: y\r\n\r\n", 200),
    (request("POST", ECHO, [("Content-Type", "text/plain")], b"\r\n\r\n" * 9), 415),
    (b"\r\n\r\n" + request("GET", VERSION), 200),
]


@pytest.mark.parametrize("size", [1, 3, 17, 100, 1000, 100_000])
async def test_requests_in_a_row_get_responses_in_that_order(url, size):
    """Whatever they are, and wherever they are cut."""
    row = [KINDS[number % len(KINDS)] for number in range(2 * len(KINDS))]
    sent = b"".join(
        data.replace(b"\r\nHost", b"\r\nX-Request-Id: number-%d\r\nHost" % number, 1)
        for number, (data, _) in enumerate(row)
    )

    async with connected(url) as connection:
        sending = asyncio.create_task(send_in_pieces(connection, sent, size))
        responses = [await connection.response(to_head=data.startswith(b"HEAD")) for data, _ in row]
        await sending

    assert [response.headers["x-request-id"] for response in responses] == [f"number-{n}" for n in range(len(row))]
    assert [response.status for response in responses] == [status for _, status in row]


async def send_in_pieces(connection, data: bytes, size: int) -> None:
    for at in range(0, len(data), size):
        await connection.send(data[at : at + size])
        await asyncio.sleep(0)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0][:40].decode().strip())
async def test_the_cuts_of_a_request_make_no_difference(url, kind):
    data, status = kind
    whole = data + NEXT

    for cut in {*range(1, len(whole), 11), *range(len(data) - 30, len(data) + 8)}:
        async with connected(url) as connection:
            await connection.send(whole[:cut])
            await asyncio.sleep(0.001)
            await connection.send(whole[cut:])
            first = await connection.response(to_head=data.startswith(b"HEAD"))

            assert (first.status, (await connection.response()).status) == (status, 200), cut


async def test_many_requests_at_once_get_responses_one_by_one(url):
    async with connected(url) as connection:
        await connection.send(NEXT * 5000)

        assert {(await connection.response()).status for _ in range(5000)} == {200}


HANDSHAKE = request("GET", "/api/v1/ws", [*UPGRADE, KEY])


@pytest.mark.parametrize("before", KINDS, ids=lambda kind: kind[0][:40].decode().strip())
async def test_an_upgrade_gets_its_response_in_turn(url, before):
    data, status = before
    ping = b"\x89\x80" + bytes(4)

    async with connected(url) as connection:
        await connection.send(data + HANDSHAKE + ping)
        response = await connection.response(to_head=data.startswith(b"HEAD"))
        upgraded = await connection.response()

        assert (response.status, upgraded.status) == (status, 101)
        assert await connection.has(b"\x8a\x00"), "a pong: what was sent behind the handshake counts, too"
        assert await connection.has(b"welcome")


async def test_a_request_may_come_in_any_pieces(url):
    whole = request("POST", ECHO, [JSON, CHUNKED]) + chunked(*(bytes([byte]) for byte in BODY))

    async with connected(url) as connection:
        for cut in range(1, len(whole), 7):
            await connection.send(whole[:cut])
            await asyncio.sleep(0.001)
            response = await (await connection.send(whole[cut:])).response()

            assert (response.status, response.body) == (200, BODY)


@pytest.mark.parametrize("path", [VERSION, "/api/v1/healthcheck", "/livez", "/nowhere"])
@pytest.mark.parametrize("size", [60, 100_000])
async def test_requests_behind_one_that_ends_the_connection_are_not_run(url, path, size):
    account = {"email": f"{uuid4()}@example.com", "password": "a long and unusual sentence"}
    body = json.dumps(account | {"firstName": "Ada", "lastName": "Lovelace"}).encode()
    register = request("POST", "/api/v1/auth/register", [JSON], body)

    async with connected(url) as connection:
        with suppress(ConnectionError):
            await send_in_pieces(connection, request("GET", path, [("Connection", "close")]) + register, size)
        response = await connection.response()

        assert response.headers["connection"] == "close"
        assert await connection.is_closed()
    assert (await exchanged(url, register)).status == 201


@pytest.mark.parametrize("path", [VERSION, "/livez"])
@pytest.mark.parametrize("value", ["200-ok", "100-continue, 200-ok", ""])
async def test_an_unknown_expectation_is_refused(url, path, value):
    async with connected(url) as connection:
        await connection.send(request("GET", path, [("Expect", value)]) + NEXT)
        response = await connection.response()

        assert (response.status, response.code) == (417, "VALIDATION_ERROR")
        assert await connection.is_closed()


@pytest.mark.parametrize("noise", [b"noise\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000])
async def test_noise_behind_a_request_does_not_take_its_response(url, noise):
    async with connected(url) as connection:
        await connection.send(request("GET", "/api/v1/healthcheck", [("X-Request-Id", "first")]) + noise)
        response = await connection.response()

        assert (response.status, response.headers["x-request-id"]) == (200, "first")


async def test_a_refused_body_is_not_the_next_request(url):
    smuggled = request("GET", "/nowhere")

    async with connected(url) as connection:
        await connection.send(request("POST", ECHO, [("Content-Type", "text/plain")], smuggled) + NEXT)
        refused, after = await connection.response(), await connection.response()

    assert (refused.status, after.status) == (415, 200)


async def test_a_body_that_breaks_off_in_the_middle_is_refused(url):
    async with connected(url) as connection:
        await connection.send(request("POST", ECHO, [JSON, CHUNKED]) + b"3\r\n{}")
        response = await (await connection.send(b"too long\r\n")).response()

        assert (response.status, response.code) == (400, "VALIDATION_ERROR")
        assert await connection.is_closed()
