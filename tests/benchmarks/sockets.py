"""WebSocket clients by the thousand, in one process: they count frames, and parse no more than that needs.

`python -m benchmarks.sockets fan|listen` takes its plan as JSON for an argument, and prints JSON.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any

from benchmarks.machine import cpu_seconds, percentile, resident_mib

PATH = "/api/v1/ws"
TEXT, PING, PONG = 1, 9, 10
TIMEOUT = 60.0
QUIET = 1.0
"""Seconds without a change after which the last one has come."""
_at = re.compile(rb'"type":"change".*"at":"([^"]+)"').search


@dataclass
class Plan:
    """The clients take turns with `greetings`, which they send first, and get `answers` frames for that."""

    port: int
    pid: int
    clients: int
    greetings: list[list[str]]
    responses: int
    seconds: float
    trigger: str = ""
    """The caller, as in `benchmarks.load`, whose requests make the server tell every client something."""
    arguments: dict[str, Any] = field(default_factory=dict)
    triggers: int = 5
    """Requests before all clients must have heard of all of them."""


@dataclass
class Fanned:
    """What a fan-out came to; latencies in milliseconds are of one trigger and all deliveries that follow it."""

    per_second: float
    p50: float
    p99: float
    cpu_us: float
    busy: float
    kib_each: float


class Client(asyncio.Protocol):
    """One socket."""

    def __init__(self, greetings: list[str], told: Callable[[bytes], None]) -> None:
        self._greetings = greetings
        self._told = told
        self._data = b""
        self._is_open = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(
            f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._is_open:
            if b"\r\n\r\n" not in self._data:
                return
            self._begin()
        self._frames()

    def _begin(self) -> None:
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head
        self._is_open = True
        for text in self._greetings:
            self._transport.write(_masked(text))
        self._told(b"")

    def _frames(self) -> None:
        data, at = self._data, 0
        while len(data) - at >= 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            if len(data) < start + size:
                break
            self._frame(data[at] & 0x0F, data[start : start + size])
            at = start + size
        self._data = data[at:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._transport.write(bytes([0x80 | PONG, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)
        else:
            assert opcode == TEXT, payload
            self._told(payload)

    def close(self) -> None:
        self._transport.abort()


def _masked(text: str) -> bytes:
    """Return a frame as clients send it; a mask of zeros leaves the text as it is."""
    payload = text.encode()
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + payload


class Counter:
    """Counts frames, and tells when there are as many as were expected."""

    def __init__(self) -> None:
        self._missing = 0
        self._complete = asyncio.Event()

    def expect(self, count: int) -> None:
        self._missing += count
        self._complete.clear()

    def told(self, _frame: bytes) -> None:
        self._missing -= 1
        if self._missing <= 0:
            self._complete.set()

    async def complete(self) -> None:
        async with asyncio.timeout(TIMEOUT):
            await self._complete.wait()


async def _opened(plan: Plan, told: Callable[[bytes], None]) -> list[Client]:
    loop = asyncio.get_running_loop()
    clients: list[Client] = []
    for number in range(plan.clients):
        greetings = plan.greetings[number % len(plan.greetings)]
        _, client = await loop.create_connection(lambda g=greetings: Client(g, told), "127.0.0.1", plan.port)
        clients.append(client)
    return clients


async def fan(plan: Plan) -> Fanned:
    """Open the sockets, then let the server tell all of them something, again and again."""
    counter, before = Counter(), resident_mib(plan.pid)
    counter.expect(plan.clients * (plan.responses + 1))
    clients = await _opened(plan, counter.told)
    await counter.complete()
    kib_each = (resident_mib(plan.pid) - before) * 1024 / len(clients)
    module, _, name = plan.trigger.partition(":")
    trigger = getattr(import_module(module), name)(**plan.arguments)
    reader, writer = await asyncio.open_connection("127.0.0.1", plan.port)
    await _round(plan, trigger, counter, reader, writer)
    used, own, started = cpu_seconds([plan.pid]), time.process_time(), time.perf_counter()
    latencies: list[float] = []
    while time.perf_counter() - started < plan.seconds:
        latencies.append(await _round(plan, trigger, counter, reader, writer))
    seconds, count = time.perf_counter() - started, len(latencies) * plan.triggers * len(clients)
    used, own = cpu_seconds([plan.pid]) - used, time.process_time() - own
    for client in clients:
        client.close()
    writer.close()
    ordered = sorted(latency / plan.triggers for latency in latencies)
    return Fanned(
        count / seconds, percentile(ordered, 50), percentile(ordered, 99), 1e6 * used / count, own / seconds, kib_each
    )


async def _round(
    plan: Plan, trigger: Any, counter: Counter, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> float:
    started = time.perf_counter()
    counter.expect(plan.triggers * plan.clients)
    for _ in range(plan.triggers):
        writer.write(trigger.request())
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
        assert length is not None, head
        body = await reader.readexactly(int(length[1]))
        assert trigger.accepts(head[9:12], body), (head, body)
    await counter.complete()
    return 1000 * (time.perf_counter() - started)


async def listen(plan: Plan) -> dict[str, float]:
    """Follow until changes end; return the milliseconds between a change and its arrival, both by one clock."""
    latencies: list[float] = []
    counter = Counter()
    counter.expect(plan.clients * (plan.responses + 1))

    def told(frame: bytes) -> None:
        counter.told(frame)
        found = _at(frame)
        if found is not None:
            latencies.append(1000 * (time.time() - datetime.fromisoformat(found[1].decode()).timestamp()))

    clients = await _opened(plan, told)
    await counter.complete()
    print("listening", flush=True)
    count = -1
    async with asyncio.timeout(TIMEOUT):
        while count < len(latencies) or not latencies:
            count = len(latencies)
            await asyncio.sleep(QUIET)
    for client in clients:
        client.close()
    latencies.sort()
    return {
        "count": len(latencies),
        "p50": percentile(latencies, 50),
        "p99": percentile(latencies, 99),
    }


if __name__ == "__main__":
    import uvloop

    given = Plan(**json.loads(sys.argv[2]))
    match sys.argv[1]:
        case "fan":
            print(json.dumps(asdict(uvloop.run(fan(given)))), flush=True)
        case "listen":
            print(json.dumps(uvloop.run(listen(given))), flush=True)
