import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from uuid import uuid4

import pytest
from messaging.flows import Gateway
from nats.aio.client import Client

from accord.embedded import nats
from accord.embedded.nats import EmbeddedNats
from accord.messaging import lease, workers
from accord.messaging.connection import Connection, _DirectClient

Connect = Callable[..., Awaitable[Connection]]
LONG = 60.0
"""Seconds for which no machine stands still."""
USUAL = workers.LEASE, workers.RESPONSE_TIMEOUT
PATIENT = {"ping_interval": "60s"}
"""Of NATS: else it ends the connection of a process that stood still for some seconds, and with it what waits there."""


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch) -> None:
    """Let no worker be given up because the machine stood still; tests of silence say when it counts."""
    for module, name in ((lease, "LEASE"), (workers, "LEASE"), (workers, "RESPONSE_TIMEOUT")):
        monkeypatch.setattr(module, name, LONG)
    monkeypatch.setattr(nats, "NOTICES_STILLNESS", PATIENT)


@pytest.fixture
def silence_counts(monkeypatch, _unhurried) -> Callable[[], None]:
    """From when this is called, gateways give up who is silent, as they do elsewhere."""

    def counts() -> None:
        for name, seconds in zip(("LEASE", "RESPONSE_TIMEOUT"), USUAL, strict=True):
            monkeypatch.setattr(workers, name, seconds)

    return counts


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory) -> Iterator[EmbeddedNats]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nats, "NOTICES_STILLNESS", PATIENT)
        server = nats.start(tmp_path_factory.mktemp("nats"))
    yield server
    server.stop()


@pytest.fixture
def own_server(tmp_path) -> Iterator[EmbeddedNats]:
    """A server that the test may stop and kill."""
    server = nats.start(tmp_path)
    yield server
    server.stop()


@pytest.fixture
async def connect(nats_server) -> AsyncIterator[Connect]:
    opened: list[Connection] = []
    sharing: list[Connection] = []

    async def begin(url: str | None = None) -> Connection:
        opened.append(Connection(url or nats_server.url, "test"))
        sharing.extend(opened[-1:] if url is None else [])
        await opened[-1].start(timeout_seconds=60 if url is None else 0.1)
        return opened[-1]

    yield begin
    for connection in opened:
        if connection in sharing:
            # The server confirms that it sends nothing there any more; of a closing it learns in its own time.
            await asyncio.gather(*(connection.unsubscribe(each) for each in list(connection._subscriptions)))
        await connection.close()


@pytest.fixture
def name() -> str:
    """An operation of this test's own, so that tests share the server and not the queue groups."""
    return f"op{uuid4().hex}"


@pytest.fixture
async def gateway(connect) -> Gateway:
    return await Gateway(await connect()).start()


class _OrderlyClient(Client):
    """One whose flush comes back when the server knows of what was subscribed before; nats-py's may overtake that."""

    _send_ping = _DirectClient._send_ping


@pytest.fixture
async def raw(nats_server):
    """Whoever can publish on NATS."""
    client = _OrderlyClient()
    await client.connect(nats_server.url, connect_timeout=60)
    yield client
    await client.close()
