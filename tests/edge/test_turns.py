"""I-8: how much of what a client sends without pause is looked at in one turn of the event loop, counted."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from types import SimpleNamespace

import pytest
import uvicorn
from raw_http import HANDSHAKE, chunked, connected, request
from websockets.frames import Frame

from accord.edge.server.http_protocol import HttpProtocol
from accord.edge.server.turns import MAX_TURN_BYTES, MAX_TURN_PIECES
from accord.edge.server.websocket_protocol import PIECE, WebSocketProtocol

MIB = 1024 * 1024
CHUNKED = ("Transfer-Encoding", "chunked")
LEAST_CHUNK = len(b"1\r\n \r\n")
LEAST_FIELD = len(b"a:\r\n")
LEAST_FRAME = 2 + 4


class Watched(HttpProtocol):
    """Counts the calls that the parser makes, by the turn of the loop in which it makes them."""

    def __init__(self, *, calls: Counter, turn: SimpleNamespace, **given) -> None:
        super().__init__(**given)
        self.calls, self.turn = calls, turn

    def on_header(self, name: bytes, value: bytes) -> None:
        self.calls[self.turn.number] += 1
        super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        self.calls[self.turn.number] += 1
        super().on_body(body)


class WatchedSocket(WebSocketProtocol):
    """Counts frames likewise."""

    def __init__(self, *, calls: Counter, turn: SimpleNamespace, **given) -> None:
        super().__init__(**given)
        self.calls, self.turn = calls, turn

    def handle_text(self, event: Frame) -> None:
        self.calls[self.turn.number] += 1
        super().handle_text(event)

    def handle_ping(self) -> None:
        self.calls[self.turn.number] += 1
        super().handle_ping()


@pytest.fixture
async def server() -> AsyncIterator[SimpleNamespace]:
    """A server in this event loop that answers at once, or reads the body first, or never takes it."""
    got, calls, turn, never = [], Counter(), SimpleNamespace(number=0), asyncio.Event()

    async def application(scope, receive, send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            while (message := await receive())["type"] != "websocket.disconnect":
                got.append(message)
            return
        if scope["path"] == "/waits":
            await never.wait()
        if scope["path"] == "/reads":
            body, more = b"", True
            while more:
                message = await receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            got.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def count() -> None:
        while True:
            turn.number += 1
            await asyncio.sleep(0)

    protocol = partial(Watched, constant_headers=(), head_timeout=30.0, calls=calls, turn=turn)
    ws = partial(WatchedSocket, calls=calls, turn=turn)
    config = uvicorn.Config(application, port=0, http=protocol, ws=ws, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    counting = asyncio.create_task(count())
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield SimpleNamespace(url=url, connections=server.server_state.connections, calls=calls, got=got)
    counting.cancel()
    never.set()
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    await server.shutdown()


FLOODS = {
    "chunks of a byte": ([CHUNKED], b"1\r\n \r\n" * 40_000 + b"0\r\n\r\n"),
    "chunks of what could be their end": ([CHUNKED], b"4\r\n\r\n\r\n\r\n" * 20_000 + b"0\r\n\r\n"),
    "one chunk of what could be its end": ([CHUNKED], chunked(b"\r\n\r\n" * 50_000)),
    "a body of what could be its end": ([], b"\r\n\r\n" * 50_000),
}


@pytest.mark.parametrize("path", ["/reads", "/answers"])
@pytest.mark.parametrize("what", FLOODS)
async def test_a_turn_has_few_chunks_and_pieces(server, what, path):
    headers, body = FLOODS[what]
    sent = request("POST", path, headers, body)

    async with connected(server.url) as connection:
        await connection.send(sent + request("GET", "/reads"))
        responses = [await connection.response(), await connection.response()]

    assert [response.status for response in responses] == [200, 200]
    # What has just come may have a turn in the same round of the loop as what waited.
    assert max(server.calls.values()) <= 2 * (MAX_TURN_BYTES // LEAST_CHUNK + MAX_TURN_PIECES)


@pytest.mark.parametrize("kind", [b"\x81", b"\x89"], ids=["texts", "pings"])
async def test_a_turn_has_few_frames(server, until, kind):
    frames = 50_000

    async with connected(server.url) as connection:
        await connection.send(HANDSHAKE)
        await connection.send((kind + b"\x80" + bytes(4)) * frames)

        async def count() -> int:
            return sum(server.calls.values())

        await until(count, lambda seen: seen >= frames)
    assert max(server.calls.values()) <= 2 * PIECE // LEAST_FRAME


@pytest.mark.parametrize("beginning", [b"GET / HTTP/1.1\r\nHost: a\r\n", request("POST", "/", [CHUNKED]) + b"0\r\n"])
async def test_a_turn_has_few_fields(server, until, beginning):
    """Of a head, and of what comes behind a body; and what was refused in the middle is read on, so that it ends."""
    async with connected(server.url) as connection:
        await connection.send(beginning + b"a:\r\n" * 60_000 + b"\r\n")
        statuses = {(await connection.response()).status}
        if statuses == {200}:
            statuses.add((await connection.response()).status)
        assert await connection.is_closed()

    async def count() -> int:
        return len(server.connections)

    assert 400 in statuses
    await until(count, lambda left: left == 0)
    assert max(server.calls.values()) <= 2 * MAX_TURN_BYTES // LEAST_FIELD


@pytest.mark.parametrize("size", [1, 6, 100, MAX_TURN_BYTES - 1, MAX_TURN_BYTES, MAX_TURN_BYTES + 1, 100_000])
async def test_a_body_read_in_several_turns_is_complete(server, size):
    body = (b"a\r\n\r\nb\r\n" * MAX_TURN_BYTES)[: 5 * MAX_TURN_BYTES + 3]
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    sent = [
        request("POST", "/reads", [CHUNKED], chunked(*pieces)),
        request("POST", "/reads", [("X", "y" * (MAX_TURN_BYTES + size % 5))], body),
        request("POST", "/reads", [("X", "y" * MAX_TURN_BYTES), CHUNKED], chunked(*pieces)),
    ]

    async with connected(server.url) as connection:
        await connection.send(b"".join(sent))

        assert [(await connection.response()).status for _ in sent] == [200] * 3
    assert server.got == [body] * 3


@pytest.mark.parametrize("chunk", [b"1\r\n \r\n", b"4000\r\n%s\r\n" % bytes(0x4000)], ids=["small", "large"])
async def test_a_body_that_is_not_consumed_is_not_read_further(server, chunk):
    many = chunk * (MIB // len(chunk))

    async with connected(server.url) as connection:
        await connection.send(request("POST", "/waits", [CHUNKED]))
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                for _ in range(32):
                    await connection.send(many)
        held = max(len(each.cycle.body) + len(each._input) for each in server.connections if each.cycle is not None)

    # What the application has to take first, and what came at once before that was known.
    assert held < MIB
