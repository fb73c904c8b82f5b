"""How long a connection may be idle, counted from its last response."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from time import monotonic

import pytest
import uvicorn
from raw_http import connected, request

from accord.edge.server.http_protocol import HttpProtocol

IDLE = 0.4


async def application(_scope, _receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server whose connections may be idle for a moment."""
    protocol = partial(HttpProtocol, constant_headers=(), head_timeout=30.0)
    config = uvicorn.Config(
        application, port=0, http=protocol, lifespan="off", log_config=None, timeout_keep_alive=IDLE
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    await server.shutdown()


async def test_an_idle_connection_is_closed(url):
    async with connected(url) as connection:
        asked = monotonic()
        await (await connection.send(request("GET", "/"))).response()

        assert await connection.is_closed()
        assert monotonic() - asked >= IDLE * 0.9


async def test_the_keep_alive_time_counts_from_the_last_response(url):
    while not await is_kept_while_it_is_used(url):
        pass


async def test_a_request_that_is_under_way_is_not_cut_off(url):
    while not await is_kept_while_a_request_comes(url):
        pass


async def is_kept_while_it_is_used(url) -> bool:
    """Use a connection for longer than it may be idle; False when this machine paused for as long as that."""
    async with connected(url) as connection:
        begun = last = monotonic()
        while monotonic() - begun < 1.5 * IDLE:
            now = monotonic()
            await connection.send(request("GET", "/"))
            if not await has_response(connection, monotonic() - last):
                return False
            last = now
            await asyncio.sleep(IDLE / 4)

        return await connection.is_closed()


async def is_kept_while_a_request_comes(url) -> bool:
    """Send half a request, and the rest after the time for idle connections; False when the machine paused before."""
    whole = request("GET", "/")
    async with connected(url) as connection:
        last = monotonic()
        await (await connection.send(whole)).response()
        await connection.send(whole[:20])
        paused = monotonic() - last
        await asyncio.sleep(2 * IDLE)
        await connection.send(whole[20:])

        return await has_response(connection, paused)


async def has_response(connection, paused: float) -> bool:
    """Say whether there is a response; only after so long a pause the connection may have been closed instead."""
    try:
        return (await connection.response()).status == 200
    except (asyncio.IncompleteReadError, ConnectionError):
        assert paused >= IDLE * 0.9
        return False
