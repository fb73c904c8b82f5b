"""L-6: what nobody reads is bounded, and others do not notice."""

import asyncio
import re
import socket
from contextlib import suppress

import httpx
from live_client import open_stream, record_key
from websockets.exceptions import ConnectionClosed

# More than the buffers of both ends take, about 200 bytes each.
CHANGES = 40_000
FLOOD = (
    "INSERT INTO accord.journal (request_id, actor_kind, operation"
    ", record_table, record_id, record_version, kind, fields)"
    " SELECT 'flood', 'system', 'flood', 'users', %s::uuid, n + 1, 'updated', '{}' FROM generate_series(1, %s) AS n"
)


async def test_an_unread_socket_is_closed_and_others_do_not_notice(given, live, service, until):
    me, somebody = await given.an_account(), await given.an_account()
    slow, other = await live(me, receive_buffer=4096), await live(somebody)
    await slow.subscribe(record_key(me))
    await other.subscribe(record_key(somebody))
    closed_before = await closed_for_slowness(service)

    await given.sql(FLOOD, me.id, CHANGES)
    await until(lambda: closed_for_slowness(service), lambda count: count > closed_before)
    await somebody.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
    change = await other.expect("change")
    received = 0
    with suppress(ConnectionClosed):
        async for _ in slow.connection:
            received += 1

    assert await slow.closed() == 4408
    assert received < CHANGES
    assert change["version"] == 2


async def test_an_unread_stream_is_closed_and_others_do_not_notice(given, live, service, until):
    me, somebody = await given.an_account(), await given.an_account()
    await live(me)  # Once it is signed in on, the service has told what was before.
    closed_before = await closed_for_slowness(service)

    with unread_stream(service, me) as slow:
        async with open_stream(somebody, record_key(somebody)) as other:
            await other.expect("subscribed")
            await given.sql(FLOOD, me.id, CHANGES)
            await until(lambda: closed_for_slowness(service), lambda count: count > closed_before)
            await somebody.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
            change = await other.expect("change")
        received = await asyncio.to_thread(read_to_the_end, slow)

    positions = [int(position) for position in re.findall(rb"\nid: (\d+)\.[0-9a-f]{8}\n", received)]
    assert positions == list(range(positions[0], positions[0] + len(positions)))
    assert len(positions) < CHANGES
    assert change["version"] == 2


def unread_stream(service, account) -> socket.socket:
    url = httpx.URL(service.url)
    connection = socket.socket()
    connection.settimeout(60)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((url.host, url.port))
    head = [
        f"GET /api/v1/changes/stream?keys={record_key(account)} HTTP/1.1",
        f"Host: {url.host}",
        "Connection: close",  # So that the stream ends with the connection, whether it is cut or told.
        f"Authorization: Bearer {account.tokens['accessToken']}",
    ]
    connection.sendall("\r\n".join([*head, "", ""]).encode())
    seen = b""
    while b"event: subscribed" not in seen:
        seen += connection.recv(1024)
    return connection


def read_to_the_end(connection) -> bytes:
    received = bytearray()
    while data := connection.recv(65_536):
        received += data
    return bytes(received)


async def closed_for_slowness(service) -> float:
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        found = re.search(r'accord_live_closings_total\{code="4408"\} (\S+)', (await http.get("/metrics")).text)
    return float(found[1]) if found else 0.0
