"""What is larger than NATS takes goes in parts, in both directions; nobody learns of it after the commit."""

import asyncio
import time
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from cutting_proxy import CuttingProxy
from messaging.flows import KEY, Gateway, echo, start_worker, until

from accord.dispatch import Result
from accord.embedded import nats
from accord.messaging.connection import Connection
from accord.messaging.lease import HEARTBEATS
from accord.messaging.parts import LARGEST_PART, Parts
from accord.messaging.refused_messages import refused
from accord.messaging.signing import MessageSigner

SMALL = 4096


@pytest.fixture(params=[SMALL, nats.MAX_PAYLOAD])
def server(tmp_path, monkeypatch, request):
    """A server that takes little, and one as ours."""
    monkeypatch.setattr(nats.EmbeddedNats, "max_payload", request.param)
    server = nats.start(tmp_path)
    yield server
    server.stop()


@pytest.fixture
async def pair(connect, server, name):
    """A gateway, and the connection of a worker that gives back what it is sent."""
    front, worker = await connect(server.url), await connect(server.url)
    await until(lambda: front.is_connected and worker.is_connected)
    gateway = await Gateway(front).start()
    await start_worker(worker, name, echo)
    return gateway, worker


async def test_every_size_around_the_limits_comes_back_whole(pair, name):
    gateway, connection = pair
    limit = connection.max_payload
    step = 57 if limit == SMALL else 400
    sizes = [*range(limit - 1200, limit + 400, step), limit + LARGEST_PART, 2 * limit + 1]

    for size in sizes:
        result = await gateway(name, text="é" * (size // 2))
        assert result.success, size
        assert len(result.data["text"]) == size // 2

    # A message that is too large by its headers alone would have ended the connection.
    assert connection.is_connected


async def test_many_large_messages_at_once(pair, name):
    gateway, connection = pair
    # Gateway and worker share one process here, which must not stand still for long.
    size, count = (20 * 1024, 30) if connection.max_payload == SMALL else (connection.max_payload + 1, 3)

    results = await asyncio.gather(*(gateway(name, number=n, text="x" * size) for n in range(count)))

    assert [result.data["number"] for result in results] == list(range(count))


async def test_a_stranger_gets_and_gives_no_parts(pair, server, name, connect):
    gateway, connection = pair
    overheard = []
    stranger = await connect(server.url)
    await until(lambda: stranger.is_connected)

    async def meddle(msg) -> None:
        overheard.append(msg)
        if ".at." in msg.subject and msg.reply != "_INBOX.stranger":
            await stranger.publish(msg.reply, b"0" * 64 + b"forged")
            await stranger.publish(msg.subject, b"0" * 64 + b"1", "_INBOX.stranger")

    await stranger.subscribe("_INBOX.>", meddle)
    await stranger.ping(60)
    before = refused["part"]

    result = await gateway(name, text="x" * (2 * connection.max_payload))

    assert len(result.data["text"]) == 2 * connection.max_payload
    assert refused["part"] > before
    assert all(msg.subject != "_INBOX.stranger" for msg in overheard if not msg.data.startswith(b"0"))


async def test_a_response_that_is_not_json_is_named_as_such(connect, gateway, name):
    async def flow(*_) -> Result:
        return Result(success=True, status=200, data={"not": object()})

    await start_worker(await connect(), name, flow)

    result = await gateway(name)

    assert (result.status, result.error_code) == (500, "INTERNAL_ERROR")
    assert "Nothing was changed" not in (result.message or "")


class SlowProxy(CuttingProxy):
    """Hands 96 KiB back in a second."""

    async def _hand_back(self, there, writer) -> None:
        with suppress(OSError):
            while data := await there.read(16384):
                await asyncio.sleep(len(data) / 98304)
                writer.write(data)
                await writer.drain()


async def test_a_part_may_take_longer_than_silence_is_allowed(nats_server, connect):
    # Longer than a machine stands still: its silence would count as that of the gateway.
    quiet_limit = 4.0
    proxy, content = SlowProxy(nats_server.url), b"x" * LARGEST_PART
    await proxy.start()
    near = await connect()
    ports = [f":{urlsplit(url).port}" for url in (nats_server.url, proxy.url)]
    far = Connection(nats_server.url.replace(*ports), "far")
    assert await far.start(timeout_seconds=60)
    worker = Parts(near, MessageSigner(KEY), quiet_limit=quiet_limit)
    gateway = Parts(far, MessageSigner(KEY), word_interval=0.1)
    await worker.start()
    await gateway.start()
    await asyncio.gather(near.ping(60), far.ping(60))

    started = time.monotonic()
    with worker.offered(content) as offer:
        fetching = asyncio.create_task(gateway.fetch(offer.stub["large"], part_limit=60))
        await offer.until_taken()
    fetched = await fetching
    await far.close()
    await proxy.stop()

    assert fetched == content
    assert time.monotonic() - started > quiet_limit


async def test_a_gateway_that_left_is_given_up_soon(connect, raw, name):
    """A gateway that left: the response to one request is not fetched, and the rest of another never comes."""
    heartbeats, worker = await raw.subscribe(HEARTBEATS), await connect()
    await raw.flush()

    async def flow(*_) -> Result:
        return Result(success=True, status=200, data="x" * worker.max_payload)

    await start_worker(worker, name, flow, max_concurrency=2)
    heartbeat = MessageSigner(KEY).verify_broadcast(HEARTBEATS, (await heartbeats.next_msg(60)).data)
    subject, begin, end = (
        f"api.v1.tests.{name}.{heartbeat['worker']}",
        heartbeat["clock"] + 60,
        heartbeat["clock"] + 3600,
    )
    message = {
        "caller": {"id": "", "role": None, "session_id": None, "permissions": []},
        "request": {"id": "r"},
        "inputs": {},
    }
    for content in (message, {"large": {"at": raw.new_inbox(), "parts": 2}}):
        inbox = raw.new_inbox()
        await raw.publish(subject, MessageSigner(KEY).sign_request(subject, inbox, content, begin, end), reply=inbox)
    gateway = await Gateway(await connect()).start()

    started = time.monotonic()
    while not (result := await gateway(name)).success:
        assert (result.status, time.monotonic() - started < 60) == (503, True)
        await asyncio.sleep(0.05)

    assert len(result.data) == worker.max_payload
