"""HTTP by hand, for requests that no HTTP client would send; one connection at a time, everything in bytes."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from checked_client import new_address

TIMEOUT = 30.0


@dataclass(frozen=True)
class RawResponse:
    """A response as it came."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The code of a problem; fails for everything that is not a well-formed one."""
        problem = self.json()
        assert self.headers["content-type"] == "application/problem+json"
        assert problem["status"] == self.status
        assert problem["type"] == f"/problems/{problem['code']}"
        assert problem["requestId"] == self.headers["x-request-id"]
        assert {"title", "detail", "instance"} <= set(problem)
        return problem["code"]


class Connection:
    """A connection to the service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> Self:
        self._writer.write(data)
        await asyncio.wait_for(self._writer.drain(), TIMEOUT)
        return self

    async def response(self, *, to_head: bool = False) -> RawResponse:
        """Read one response; fails when none comes."""
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), TIMEOUT)
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = 0 if to_head else int(headers.get("content-length", "0"))
        body = await asyncio.wait_for(self._reader.readexactly(length), TIMEOUT)
        return RawResponse(int(first.split(" ")[1]), headers, body)

    async def has(self, data: bytes) -> bool:
        """Say whether these bytes come, whatever is before them."""
        return (await asyncio.wait_for(self._reader.readuntil(data), TIMEOUT)).endswith(data)

    async def is_closed(self) -> bool:
        """Say whether the service ends the connection without another byte."""
        try:
            return await asyncio.wait_for(self._reader.read(1), TIMEOUT) == b""
        except ConnectionResetError:
            return True

    async def discarded_while_sending(self, data: bytes) -> None:
        """Send the bytes again and again until the service ends the connection, and read whatever comes."""

        async def send() -> None:
            while True:
                self._writer.write(data)
                await self._writer.drain()

        sending = asyncio.create_task(send())
        try:
            while await self._reader.read(2**16):
                pass
        finally:
            sending.cancel()
            self._writer.transport.abort()
            await asyncio.gather(sending, self._writer.wait_closed(), return_exceptions=True)

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """Connect to the service."""
    place = urlsplit(url)
    connection = Connection(*await asyncio.open_connection(place.hostname, place.port, limit=2**24))
    try:
        yield connection
    finally:
        connection.close()


async def exchanged(url: str, data: bytes) -> RawResponse:
    """Send the bytes on a connection of their own, and return the first response."""
    async with connected(url) as connection:
        return await (await connection.send(data)).response()


def request(
    method: str,
    path: str,
    headers: Iterable[tuple[str, str | bytes]] = (),
    body: bytes | None = None,
) -> bytes:
    """Build a request from an address of its own; Content-Length is added when the headers have no length."""
    lines = [("Host", b"accord.test"), ("X-Forwarded-For", new_address().encode())]
    lines += [(name, value if isinstance(value, bytes) else value.encode()) for name, value in headers]
    known = {name.lower() for name, _ in lines}
    if body is not None and not known & {"content-length", "transfer-encoding"}:
        lines.append(("Content-Length", str(len(body)).encode()))
    head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in lines)
    return f"{method} {path} HTTP/1.1\r\n".encode("utf-8", "surrogateescape") + head + b"\r\n" + (body or b"")


def chunked(*pieces: bytes) -> bytes:
    """Return the pieces in chunked coding, with the end."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


HANDSHAKE = request(
    "GET",
    "/api/v1/ws",
    [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ],
)
"""Opens the live socket."""
