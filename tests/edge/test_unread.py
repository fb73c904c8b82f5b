"""I-9: what a client makes the service hold is bounded, cut when it is not read, and given back."""

import asyncio
import socket
from collections.abc import AsyncIterator
from functools import partial
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import uvicorn
from raw_http import HANDSHAKE, request

from accord.edge.server.http_protocol import HttpProtocol
from accord.edge.server.unread import Unread
from accord.edge.server.websocket_protocol import WebSocketProtocol

MIB = 1024 * 1024
MASKED = bytes(4)
FLOODS = {
    "pages that there are not": (b"", b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"),
    "operations": (b"", b"GET /api/v1/meta/version HTTP/1.1\r\nHost: a\r\n\r\n"),
    "operations that wait": (b"", b"GET /api/v1/healthcheck HTTP/1.1\r\nHost: a\r\n\r\n"),
    "pings before signing in": (HANDSHAKE, b"\x89\x80" + MASKED),
    "frames before signing in": (HANDSHAKE, b"\x81\x8f" + MASKED + b'{"type":"ping"}'),
    "fragments of one message": (HANDSHAKE + b"\x01\x80" + MASKED, b"\x00\x80" + MASKED),
}


def unread_connection(url: str) -> socket.socket:
    """Return a connection whose client takes as little as the system lets it."""
    place = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((place.hostname, place.port))
    connection.settimeout(0)
    return connection


async def sent_until_nothing_is_taken(connection: socket.socket, data: bytes) -> int:
    """Send again and again, until the service reads no more or ends the connection; return how many bytes it took."""
    loop, count = asyncio.get_running_loop(), 0
    try:
        while count < 64 * MIB:
            await asyncio.wait_for(loop.sock_sendall(connection, data), 1)
            count += len(data)
    except (TimeoutError, ConnectionError):
        pass
    return count


@pytest.mark.parametrize("what", FLOODS)
async def test_a_client_that_sends_without_reading_fills_no_memory(production, what, until):
    first, again = FLOODS[what]
    before, connections = production.memory, [unread_connection(production.url) for _ in range(8)]

    for connection in connections:
        await asyncio.get_running_loop().sock_sendall(connection, first)
    sent = [sent_until_nothing_is_taken(connection, again * 2000) for connection in connections]
    taken = await asyncio.gather(*sent)
    held = production.memory - before
    for connection in connections:
        connection.close()

    # The systems at both ends keep some megabytes, too.
    assert max(taken) < 32 * MIB
    assert held < 64 * MIB, "eight connections sent half a gigabyte, or would have"

    async def memory() -> int:
        return production.memory

    await until(memory, lambda now: now - before < 64 * MIB)


async def test_an_unread_response_does_not_keep_the_process_from_ending(start_production):
    program = start_production("edge-unread")
    connection = unread_connection(program.url)
    await sent_until_nothing_is_taken(connection, b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n")

    begun = asyncio.get_running_loop().time()
    status = await asyncio.to_thread(program.program.stop)

    assert status == 0
    assert asyncio.get_running_loop().time() - begun < 20, "or as long as SHUTDOWN_TIMEOUT, which is 30 s"
    connection.close()


@pytest.fixture
async def server() -> AsyncIterator[SimpleNamespace]:
    """A server whose application answers with a mebibyte, or sends as much into a socket."""

    async def application(scope, _receive, send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "bytes": bytes(8 * MIB)})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(8 * MIB)})

    protocol = partial(HttpProtocol, constant_headers=(), head_timeout=30.0)
    config = uvicorn.Config(application, port=0, http=protocol, ws=WebSocketProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    connections = server.server_state.connections
    yield SimpleNamespace(
        url=f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}",
        connections=connections,
        unread=Unread(connections),
    )
    for connection in list(connections):
        connection.transport.abort()
    await server.shutdown()


async def waiting(server) -> bool:
    return any(each.transport.get_write_buffer_size() for each in server.connections)


@pytest.mark.parametrize("sent", [request("GET", "/"), HANDSHAKE], ids=["http", "socket"])
async def test_a_client_that_reads_nothing_is_disconnected(server, until, sent):
    connection = unread_connection(server.url)
    await asyncio.get_running_loop().sock_sendall(connection, sent)
    await until(partial(waiting, server), bool)

    async def cut() -> int:
        server.unread.cut(0.3)
        return len(server.connections)

    assert await cut() == 1, "it has its time"
    await until(cut, lambda count: count == 0)
    connection.close()


@pytest.mark.parametrize("sent", [request("GET", "/"), HANDSHAKE], ids=["http", "socket"])
async def test_a_client_that_reads_slowly_is_not_disconnected(server, until, sent):
    loop, connection = asyncio.get_running_loop(), unread_connection(server.url)
    await loop.sock_sendall(connection, sent)
    await until(partial(waiting, server), bool)
    server.unread.cut(1e9)

    for _ in range(20):
        # Many times what the system keeps at this end, so some of it was sent since.
        left = 65_536
        while left > 0:
            left -= len(await loop.sock_recv(connection, left))
        server.unread.cut(1e-9)

    assert len(server.connections) == 1
    connection.close()
