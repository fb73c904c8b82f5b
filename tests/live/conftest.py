"""Sockets as tests use them: every frame in either direction is held to `asyncapi.yaml`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from given import Account
from live_client import LiveSocket, caught_up, open_socket
from running import Service

Connect = Callable[..., Awaitable[LiveSocket]]


@pytest.fixture
async def live(service: Service) -> AsyncIterator[Connect]:
    """`await live(me)` gives a socket that me is signed in on, and to which nothing from before is news.

    Without an account nobody is signed in on it.
    """
    async with AsyncExitStack() as stack:

        async def connect(account: Account | None = None, url: str | None = None, **options) -> LiveSocket:
            socket = await stack.enter_async_context(open_socket(url or service.url, **options))
            if account is not None:
                await socket.authenticate(account.tokens["accessToken"])
                await caught_up(account, socket)
            return socket

        yield connect


@pytest.fixture(scope="session")
async def other_url(service: Service) -> AsyncIterator[str]:
    """Another process of the same service, as it would run beside the first."""
    program = service.run("server-2", "gateway" if service.transport == "nats" else "serve", "--port", "0")
    # In a thread: sockets are open meanwhile, and the loop is to notice what becomes of them.
    yield await asyncio.to_thread(program.wait_for, r"listens on (\S+)")
    await asyncio.to_thread(program.stop)
