"""How long a connection may be idle, counted from its last answer."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from time import monotonic

import pytest
import uvicorn
from raw_http import connected, request

from accord.api.eager import Eager
from accord.api.heads import Heads
from accord.api.protocol import HttpProtocol

IDLE = 0.4


async def application(_scope, _receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A server whose connections may be idle for a moment."""
    protocol = partial(HttpProtocol, heads=Heads(()), eager=Eager(), edge=None, patience=30.0)
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
        await (await connection.send(request("GET", "/"))).answer()
        answered = monotonic()

        assert await connection.is_closed()
        assert monotonic() - answered >= IDLE * 0.9


async def test_the_time_counts_from_the_last_answer(url):
    async with connected(url) as connection:
        for _ in range(6):
            await (await connection.send(request("GET", "/"))).answer()
            await asyncio.sleep(IDLE / 4)

        assert await asyncio.wait_for(connection.is_closed(), 2 * IDLE)


async def test_a_request_that_is_under_way_is_not_cut_off(url):
    whole = request("GET", "/")
    async with connected(url) as connection:
        await (await connection.send(whole)).answer()
        await connection.send(whole[:20])
        await asyncio.sleep(2 * IDLE)
        answer = await (await connection.send(whole[20:])).answer()

        assert answer.status == 200
