import asyncio
import os
import signal
import time

import pytest
from messaging.flows import until

from accord.flows.meta.rules import works
from accord.messaging.connection import Connection
from accord.problems import ServiceUnavailable


async def heard_by(connection: Connection, subject: str) -> list[bytes]:
    heard: list[bytes] = []

    async def receive(msg) -> None:
        heard.append(msg.data)

    await connection.subscribe(subject, receive)
    return heard


async def test_messages_arrive(connect):
    sender, listener = await connect(), await connect()
    heard = await heard_by(listener, "test.arrive")
    await listener.ping(60)

    await sender.publish("test.arrive", b"hello")

    await until(lambda: heard == [b"hello"])
    assert sender.state == "connected"


async def test_an_absent_server_does_not_stop_the_start(connect):
    connection = await connect("nats://127.0.0.1:1")

    assert connection.state == "connecting"
    with pytest.raises(ServiceUnavailable):
        await connection.publish("test.absent", b"")
    with pytest.raises(ServiceUnavailable):
        await connection.ping()


async def test_a_server_that_comes_later_is_found_and_subscribed_to(connect, own_server):
    own_server.stop()
    connection = await connect(own_server.url)
    heard = await heard_by(connection, "test.later")

    own_server.start()
    await until(lambda: connection.is_connected)
    await connection.publish("test.later", b"hello")

    await until(lambda: heard == [b"hello"])


async def test_a_restarted_server_is_found_again(connect, own_server):
    connection = await connect(own_server.url)
    await until(lambda: connection.is_connected)
    heard, lost = await heard_by(connection, "test.again"), []
    connection.when_lost.append(lambda: lost.append(True))

    os.kill(own_server.pid, signal.SIGKILL)
    await until(lambda: connection.state == "disconnected")
    with pytest.raises(ServiceUnavailable):
        await connection.publish("test.again", b"")
    # Its connections end before the process does.
    await until(own_server.restart_if_dead)
    await until(lambda: connection.is_connected)
    await connection.publish("test.again", b"hello")

    await until(lambda: heard == [b"hello"])
    assert lost


async def test_subscriptions_made_while_the_server_was_away_work(connect, own_server):
    connection = await connect(own_server.url)
    await until(lambda: connection.is_connected)
    os.kill(own_server.pid, signal.SIGKILL)
    await until(lambda: connection.state == "disconnected")

    heard = await heard_by(connection, "test.meanwhile")
    await until(own_server.restart_if_dead)
    async with asyncio.timeout(60):
        while not await works(connection.ping, 1):
            await asyncio.sleep(0.02)
    await connection.publish("test.meanwhile", b"hello")

    await until(lambda: heard == [b"hello"])


async def test_the_connection_recovers_after_an_authorization_violation(connect):
    """nats-py closes for good then."""
    connection = await connect()
    heard = await heard_by(connection, "test.refused")

    await connection._client._process_err("'Authorization Violation'")
    await until(lambda: not connection.is_connected)
    await until(lambda: connection.is_connected)
    await connection.publish("test.refused", b"hello")

    await until(lambda: heard == [b"hello"])


async def test_a_wrong_password_is_not_tried_without_pause(connect, nats_server):
    connection = await connect(nats_server.url.replace("accord:", "accord:wrong"))

    used, started = time.process_time(), time.monotonic()
    await asyncio.sleep(1)

    assert connection.state == "connecting"
    # However long that took, and whatever else ran.
    assert time.process_time() - used < (time.monotonic() - started) / 2


async def test_a_receiver_that_fails_does_not_end_its_subscription(connect):
    connection = await connect()
    heard: list[bytes] = []

    async def receive(msg) -> None:
        heard.append(msg.data)
        raise ValueError("the reason")

    await connection.subscribe("test.fails", receive)
    await connection.publish("test.fails", b"1")
    await connection.publish("test.fails", b"2")

    await until(lambda: heard == [b"1", b"2"])


async def test_messages_that_arrived_are_delivered_before_unsubscribing(connect):
    connection = await connect()
    heard: list[bytes] = []

    async def receive(msg) -> None:
        await asyncio.sleep(0.001)
        heard.append(msg.data)

    subscription = await connection.subscribe("test.drain", receive)
    for number in range(100):
        await connection.publish("test.drain", b"%d" % number)
    await connection.unsubscribe(subscription)

    assert len(heard) == 100


async def test_a_closed_connection_says_so(connect):
    connection = await connect()

    await connection.close()

    assert connection.state == "closed"
    with pytest.raises(ServiceUnavailable):
        await connection.publish("test.closed", b"")


async def test_several_servers_may_be_named(connect, nats_server):
    connection = await connect(f"nats://127.0.0.1:1, {nats_server.url}")

    await until(lambda: connection.is_connected)


async def test_a_receiver_that_fails_does_not_end_the_others(connect, raw, name):
    async def fail(msg) -> None:
        raise ValueError(msg.subject)

    connection = await connect()
    await connection.subscribe(f"{name}.a", fail)
    heard = await heard_by(connection, f"{name}.b")
    await connection.ping(60)
    for subject in ("a", "b", "a", "b"):
        await raw.publish(f"{name}.{subject}", subject.encode())
    await raw.flush()
    await connection.ping(60)

    assert heard == [b"b", b"b"]
