"""Sockets as tests use them: every frame in either direction is held to `asyncapi.yaml`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
from given import Account
from live_client import LiveSocket, open_socket
from running import Service

Connect = Callable[..., Awaitable[LiveSocket]]


@pytest.fixture
async def live(service: Service) -> AsyncIterator[Connect]:
    """`await live(me)` gives a socket that me is signed in on; without an account nobody is."""
    async with AsyncExitStack() as stack:

        async def connect(account: Account | None = None, url: str | None = None, **options) -> LiveSocket:
            socket = await stack.enter_async_context(open_socket(url or service.url, **options))
            if account is not None:
                await socket.authenticate(account.tokens["accessToken"])
            return socket

        yield connect


@pytest.fixture(scope="session")
def other_url(service: Service) -> Iterator[str]:
    """Another process of the same service, as it would run beside the first."""
    program = service.run("server-2", "gateway" if service.transport == "nats" else "serve", "--port", "0")
    yield program.wait_for(r"listens on (\S+)")
    program.stop()
