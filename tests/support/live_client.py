"""A client of the live socket that checks every frame, what it sends and what it gets, by `asyncapi.yaml`."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema_rs
from checked_client import new_address
from websockets.asyncio.client import ClientConnection, connect

from accord.contract import asyncapi

TIMEOUT = 30.0
POSITION_AND_WHETHER_BEHIND = """
SELECT position,
    EXISTS (SELECT FROM accord.journal WHERE id <= %s
        AND NOT EXISTS (SELECT FROM accord.journal_positions WHERE entry_id = id))
FROM accord.journal_sequencer
"""
_sent = {name: jsonschema_rs.validator_for(schema) for name, schema in asyncapi.payloads("receive").items()}
_received = {name: jsonschema_rs.validator_for(schema) for name, schema in asyncapi.payloads("send").items()}


class LiveSocket:
    """One connection; `frames` has everything that came."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[dict[str, Any]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        frame = {"type": kind, **fields}
        _sent[kind].validate(frame)
        await self.connection.send(json.dumps(frame))

    async def next(self, timeout_seconds: float | None = TIMEOUT) -> dict[str, Any]:
        """Return the next frame."""
        async with asyncio.timeout(timeout_seconds):
            text = await self.connection.recv()
        frame = json.loads(text)
        _received[frame["type"]].validate(frame)
        self.frames.append(frame)
        return frame

    async def expect(self, kind: str) -> dict[str, Any]:
        """Return the next frame, which is of this kind."""
        frame = await self.next()
        assert frame["type"] == kind, frame
        return frame

    async def authenticate(self, token: str) -> dict[str, Any]:
        await self.send("authenticate", token=token)
        return await self.expect("authenticated")

    async def subscribe(self, key: str, after: str | None = None) -> dict[str, Any]:
        await self.send("subscribe", key=key, **({} if after is None else {"after": after}))
        return await self.expect("subscribed")

    async def ping(self) -> None:
        """Go to the server and back: nothing else came before."""
        await self.send("ping")
        await self.expect("pong")

    async def closed(self) -> int:
        """Wait until the server closes, and return its code."""
        await asyncio.wait_for(self.connection.wait_closed(), TIMEOUT)
        return self.connection.close_code or 0


@asynccontextmanager
async def open_socket(url: str, *, receive_buffer: int | None = None, **headers: str) -> AsyncIterator[LiveSocket]:
    """Connect from an address of its own, and take the welcome."""
    address = {"X-Forwarded-For": new_address()} | headers
    where = urlsplit(url)
    raw = socket.socket()
    if receive_buffer is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    try:
        raw.connect((where.hostname, where.port))
    except OSError:
        raw.close()
        raise
    path = f"ws://{where.netloc}/api/v1/ws"
    async with connect(path, additional_headers=address, sock=raw, open_timeout=TIMEOUT) as connection:
        opened = LiveSocket(connection)
        await opened.expect("welcome")
        yield opened


async def caught_up(account: Any, socket: LiveSocket) -> None:
    """Wait until the process of a socket has delivered all that was committed before: it is no news to followers then.

    Positions are given after the commit, and processes read them a moment later.
    """
    [(last,)] = await account.given.sql("SELECT max(id) FROM accord.journal")
    key = f"getList:{account.id}:conversations"
    async with asyncio.timeout(TIMEOUT):
        behind, delivered = True, -1
        while behind:
            [(position, behind)] = await account.given.sql(POSITION_AND_WHETHER_BEHIND, last)
        while delivered < position:
            await socket.send("subscribe", key=key)
            while (frame := await socket.next())["type"] != "subscribed":
                pass
            delivered = frame["position"]
            await socket.send("unsubscribe", key=key)
            await asyncio.sleep(0.01 if delivered < position else 0)


def record_key(account: Any) -> str:
    return f"getRecord:users:{account.id}"


class Stream:
    """Server-sent events as `EventSource` reads them; `last_id` is what it would resume from."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.last_id = ""
        self._lines = response.aiter_lines()

    async def next(self) -> tuple[str, dict[str, Any]]:
        """Return the name and the data of the next event; comments are passed over."""
        name, data = "message", ""
        async for line in self._lines:
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = value
            elif field == "event":
                name = value
            elif field == "data":
                data = value
            elif not line and data:
                return name, json.loads(data)
        raise EOFError

    async def expect(self, kind: str) -> dict[str, Any]:
        """Return the data of the next event, which is of this kind."""
        name, data = await asyncio.wait_for(self.next(), TIMEOUT)
        assert name == kind, (name, data)
        if name in _received:
            _received[name].validate(data)
        return data


@asynccontextmanager
async def open_stream(
    account: Any, keys: str, headers: dict[str, str] | None = None, **query: Any
) -> AsyncIterator[Stream]:
    """Follow keys by server-sent events."""
    given = {name: account.http.headers[name] for name in ("authorization", "x-forwarded-for")}
    async with (
        httpx.AsyncClient(base_url=account.http.base_url, headers=given | (headers or {}), timeout=2 * TIMEOUT) as http,
        http.stream("GET", "/api/v1/changes/stream", params={"keys": keys, **query}) as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield Stream(response)
