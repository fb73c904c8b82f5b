"""The load: HTTP clients in a closed loop, one connection each, on a core of their own; every response is checked.

wrk can neither compare bodies cheaply nor put the version of the last response into the next request, which `PATCH /me`
needs. This client spends about 10 µs on a request, a fraction of any server here, and reports how busy it was.
"""

import asyncio
import json
import re
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

from benchmarks.machine import EVERYWHERE, LOAD, percentile, pinned_to

_length = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE).search
TIMEOUT = 30.0
"""Seconds past the planned end after which a connection that got no response counts as hanging."""


@dataclass
class Plan:
    """`caller` names the class whose instances make the requests of a connection, one for each of `arguments`."""

    port: int
    arguments: list[dict[str, Any]]
    caller: str = "benchmarks.load:Repeating"
    seconds: float = 1.5
    warm_up: float = 0.3
    pause: float = 0.0
    """Seconds between a response and the next request of its connection; 0 for as fast as it goes."""
    pinned: bool = True


@dataclass
class Outcome:
    """What came back; `answered` within `seconds`, `total` with the warm-up. Latencies are in milliseconds."""

    responded: int = 0
    total: int = 0
    seconds: float = 0.0
    p50: float = 0.0
    p99: float = 0.0
    busy: float = 0.0
    """The part of its core that the client used."""
    faults: list[str] = field(default_factory=list)


def run(plan: Plan) -> Outcome:
    """Load a server from a process of its own; raise AssertionError when any response was wrong."""
    with pinned_to(LOAD if plan.pinned else EVERYWHERE):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.load"],
            input=json.dumps(asdict(plan)),
            capture_output=True,
            text=True,
            check=False,
            timeout=plan.seconds + plan.warm_up + 2 * TIMEOUT,
        )
    assert done.returncode == 0, done.stderr
    outcome = Outcome(**json.loads(done.stdout))
    assert not outcome.faults, f"wrong responses on port {plan.port}: {outcome.faults}"
    return outcome


def request(method: str, path: str, token: str | None = None, body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "User-Agent: benchmarks", "Accept: application/json"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def response_to(port: int, sent: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Return headers and body of the response to one request; raise AssertionError unless it is 200."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as connection:
        connection.sendall(sent)
        response = b""
        while (body := _body(response)) is None:
            received = connection.recv(65_536)
            assert received, f"the connection ended within {response!r}"
            response += received
    assert response[9:12] == b"200", response
    head = response.partition(b"\r\n\r\n")[0].decode()
    pairs = (line.partition(": ") for line in head.split("\r\n")[1:])
    return [(name, value) for name, _, value in pairs], body


def _body(response: bytes) -> bytes | None:
    """Return the body of a complete response, else None."""
    head = response.find(b"\r\n\r\n") + 4
    length = _length(response, 0, head) if head > 3 else None
    return None if length is None or len(response) < head + int(length[1]) else response[head:]


class Repeating:
    """Sends the same request again and again, and wants the same response each time."""

    def __init__(self, request: str, expected: str) -> None:
        self._request = request.encode()
        self._expected = expected.encode()

    def request(self) -> bytes:
        return self._request

    def accepts(self, status: bytes, body: bytes) -> bool:
        return status == b"200" and body == self._expected


class _Connection(asyncio.Protocol):
    """One client: the next request leaves when the response to the last is complete."""

    def __init__(self, caller: Any, clock: "_Clock") -> None:
        self._caller = caller
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._unread = b""
        self._sent = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        if self._unread:
            data = self._unread + data
        body = _body(data)
        if body is None:
            self._unread = data
            return
        self._unread = b""
        clock, now = self._clock, time.perf_counter()
        if not self._caller.accepts(data[9:12], body):
            clock.faults.append(data[:600].decode("utf-8", "replace"))
        clock.total += 1
        # Where everything stood still for all the time, the first response after it is what can be told.
        if clock.begin <= now and (now <= clock.end or not clock.latencies):
            clock.latencies.append(now - self._sent)
        if now >= clock.end or len(clock.faults) > 3:
            self._finish()
        elif clock.pause:
            self._loop.call_later(clock.pause, self._send)
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._clock.faults.append(f"the connection was lost: {exc}")
            self.done.set_result(None)

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._caller.request())

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
            self._transport.close()


class _Clock:
    """When the measurement begins and ends, and what all connections noted."""

    def __init__(self, plan: Plan) -> None:
        self.begin = time.perf_counter() + plan.warm_up
        self.end = self.begin + plan.seconds
        self.pause = plan.pause
        self.total = 0
        self.latencies: list[float] = []
        self.faults: list[str] = []


async def _load(plan: Plan) -> Outcome:
    module, _, name = plan.caller.partition(":")
    make = getattr(import_module(module), name)
    loop = asyncio.get_running_loop()
    cpu, started, clock = time.process_time(), time.perf_counter(), _Clock(plan)
    clients = [_Connection(make(**arguments), clock) for arguments in plan.arguments]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", plan.port)
    try:
        async with asyncio.timeout(plan.warm_up + plan.seconds + TIMEOUT):
            await asyncio.gather(*(client.done for client in clients))
    except TimeoutError:
        clock.faults.append("a request got no response")
    busy = (time.process_time() - cpu) / (time.perf_counter() - started)
    milliseconds = sorted(1000 * latency for latency in clock.latencies)
    return Outcome(
        len(milliseconds),
        clock.total,
        plan.seconds,
        percentile(milliseconds, 50),
        percentile(milliseconds, 99),
        round(busy, 2),
        clock.faults[:3],
    )


def main() -> None:
    import uvloop  # noqa: PLC0415 - callers import this module for its types

    plan = Plan(**json.loads(sys.stdin.read()))
    print(json.dumps(asdict(uvloop.run(_load(plan)))))


if __name__ == "__main__":
    main()
