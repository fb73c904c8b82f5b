"""Server-sent events: the frames of the socket, for clients that cannot hold one (L-7)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from accord.context import Caller
from accord.contract.heartbeat import HEARTBEAT
from accord.journal.cursors import Cursor
from accord.live import metrics
from accord.live.frames import GOING_AWAY
from accord.live.hub import Hub
from accord.live.subscriber import Subscriber
from accord.live.subscriptions import Subscriptions, Unreadable
from accord.problems import NotFound

Write = Callable[[bytes], Awaitable[None]]


class Streams:
    """Serves event streams of the keys that the flow allowed."""

    def __init__(self, hub: Hub, subscriptions: Subscriptions) -> None:
        """Take the hub, and the subscriptions that begin there."""
        self._hub = hub
        self._subscriptions = subscriptions

    async def __call__(self, caller: Caller, allowed: dict[str, Any], write: Write) -> None:
        """Write events until the connection ends; `allowed` is the result of the flow `streamChanges`."""
        subscriber = Subscriber()
        self._hub.join(subscriber)
        self._hub.signed_in(subscriber, caller)
        writing = asyncio.create_task(_write_all(subscriber, write))
        subscriber.cancel_send = writing.cancel
        try:
            with metrics.connections.labels("stream").track_inprogress():
                await self._start(subscriber, allowed)
                await asyncio.wait({writing})
        finally:
            subscriber.cancel_send = None
            writing.cancel()
            self._hub.leave(subscriber)
            if subscriber.closing is not None:
                metrics.closings.labels(str(subscriber.closing[0])).inc()

    async def _start(self, subscriber: Subscriber, allowed: dict[str, Any]) -> None:
        """Begin at the client's cursor, or where the flow looked: later changes count as missed."""
        keys = [item["key"] for item in allowed["items"]]
        until = self._hub.cursor
        for key in keys:
            self._hub.start(subscriber, key)
        versions = {key: await self._version(subscriber, key) for key in keys}
        await self._subscriptions.follow(subscriber, versions, Cursor.parse(allowed["after"]), until)

    async def _version(self, subscriber: Subscriber, key: str) -> int | None:
        """Check access again, now that the hub collects: the hub did not see what ended since the flow looked."""
        try:
            return await self._subscriptions.allow(subscriber, key, "changes stream")
        except Unreadable as refused:
            if refused.code == NotFound.code:
                self._hub.revoke(subscriber, key)
            else:
                subscriber.close(GOING_AWAY, "A followed record could not be read; connect again.")
        return None


async def _write_all(subscriber: Subscriber, write: Write) -> None:
    await write(b"retry: 1000\n\n")
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT):
                frame = await subscriber.take()
        except TimeoutError:
            await write(b": still here\n\n")
            continue
        if frame is None:
            break
        await write(_event(frame, subscriber.next_frame()))
    if subscriber.closing is not None:
        code, reason = subscriber.closing
        await write(b"event: closing\ndata: " + orjson.dumps({"code": code, "reason": reason}) + b"\n\n")


def _event(frame: str, following: str | None) -> bytes:
    """Return the event. Clients resume from its id, so only the last frame of a position has one.

    A frame in front of replayed changes has none: the client has not seen these yet.
    """
    fields = orjson.loads(frame)
    cursor = None if fields.get("outcome") == "replayed" else fields.get("cursor")
    if following is not None and orjson.loads(following).get("cursor") == cursor:
        cursor = None
    identified = "" if cursor is None else f"id: {cursor}\n"
    return f"{identified}event: {fields['type']}\ndata: {frame}\n\n".encode()
