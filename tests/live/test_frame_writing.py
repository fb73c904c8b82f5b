"""A change is written as one frame, encoded once; everything that has to wait goes through the queue."""

import asyncio

import pytest
from live_client import record_key
from websockets.frames import Opcode
from websockets.protocol import CLIENT, Protocol, State

from accord.live import frames
from accord.live.subscriber import Subscriber

CHANGES = 200
BURST = (
    "INSERT INTO accord.journal"
    " (request_id, actor_kind, operation, record_table, record_id, record_version, kind, fields)"
    " SELECT 'burst', 'system', 'burst', 'users', %s::uuid, n + 1, 'updated', '{}' FROM generate_series(1, %s) AS n"
)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
def test_a_frame_is_what_websocket_clients_read(size):
    text = "é" * (size // 2) + "x" * (size % 2)
    client = Protocol(CLIENT, state=State.OPEN, max_size=1 << 20)

    client.receive_data(frames.as_bytes(text))

    [frame] = client.events_received()
    assert (frame.opcode, frame.fin, bytes(frame.data).decode()) == (Opcode.TEXT, True, text)


async def test_a_change_overtakes_nothing_that_is_queued_or_being_sent():
    written: list[str] = []
    subscriber = Subscriber(lambda frame: written.append(frame[2:].decode()) is None)

    async def send_all() -> None:
        while (text := await subscriber.take()) is not None:
            await asyncio.sleep(0)  # The send waits for the client.
            written.append(text)

    sender = asyncio.create_task(send_all())
    for number in range(9):
        if number % 3 == 0:
            subscriber.put(str(number))
        else:
            subscriber.put_change(("key", str(number)), frames.as_bytes(str(number)))
        if number % 4 == 0:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    sender.cancel()

    assert written == [str(number) for number in range(9)]


async def test_a_change_is_queued_while_the_client_does_not_read():
    subscriber = Subscriber(lambda _: False)
    waiting = asyncio.create_task(subscriber.take())
    await asyncio.sleep(0)

    subscriber.put_change(("key", "1"), frames.as_bytes("1"))

    assert await waiting == "1"


async def test_a_closed_connection_gets_no_further_change():
    written: list[bytes] = []
    subscriber = Subscriber(lambda frame: written.append(frame) is None)
    waiting = asyncio.create_task(subscriber.take())
    await asyncio.sleep(0)

    subscriber.close(frames.UNAUTHENTICATED, "The session has ended; sign in again.")
    subscriber.put_change(("key", "1"), frames.as_bytes("1"))

    assert (await waiting, written) == (None, [])


async def test_a_change_of_a_key_that_is_starting_waits():
    written: list[bytes] = []
    subscriber = Subscriber(lambda frame: written.append(frame) is None)
    subscriber.keys["key"] = ()
    subscriber.starting.add("key")
    waiting = asyncio.create_task(subscriber.take())
    await asyncio.sleep(0)

    subscriber.put_change(("key", "2"), frames.as_bytes("2"))
    subscriber.put_missed("key", "1")
    subscriber.begun()

    assert [await waiting, await subscriber.take(), written] == ["1", "2", []]


async def test_a_burst_of_changes_arrives_whole_and_in_order(given, live):
    me = await given.an_account()
    socket = await live(me)
    await socket.subscribe(record_key(me))

    await given.sql(BURST, me.id, CHANGES)
    positions = [(await socket.expect("change"))["position"] for _ in range(CHANGES)]

    assert positions == list(range(positions[0], positions[0] + CHANGES))
