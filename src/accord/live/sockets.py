"""WebSocket connections: an ASGI application that speaks the frames of `asyncapi.yaml`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from accord import clock
from accord.context import SignedIn
from accord.contract.heartbeat import HEARTBEAT
from accord.database.ids import new_id
from accord.journal.cursors import Cursor
from accord.live import frames, metrics
from accord.live.hub import Hub
from accord.live.subscriber import Subscriber, WriteFrame
from accord.live.subscriptions import MAX_CONCURRENCY, Subscriptions
from accord.problems import Problem, Unauthorized
from accord.telemetry import logs

SIGN_IN_WITHIN = 10.0
"""Seconds after which a connection without a signed-in account is closed."""
MAX_KEYS = 1000

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Visit(Protocol):
    """Counts one connection: against the account that signs in, and against its address for each invalid token."""

    def admits(self, account_id: str) -> bool:
        """Say whether the account may have another connection."""
        ...

    def may_try_again(self) -> bool:
        """Say whether the address may present another token after an invalid one."""
        ...


class Identity(NamedTuple):
    """The caller that a token proves, and the token's expiry in seconds since the epoch."""

    caller: SignedIn
    expires_at: float


class Sockets:
    """Serves accepted connections."""

    def __init__(self, hub: Hub, subscriptions: Subscriptions, identify: Callable[[str], Awaitable[Identity]]) -> None:
        """Take the parts; `identify` returns the identity of a token and raises a Problem for an invalid one."""
        self.hub = hub
        self.subscriptions = subscriptions
        self.identify = identify
        self.identifying = asyncio.Semaphore(MAX_CONCURRENCY)

    async def __call__(self, receive: Receive, send: Send, visit: Visit, write_frame: WriteFrame | None = None) -> None:
        """Serve one connection to its end; `visit` applies the limits, `write_frame` sends a whole frame at once."""
        await send({"type": "websocket.accept"})
        with metrics.connections.labels("socket").track_inprogress():
            await _Connection(self, visit, write_frame).run(receive, send)


class _Connection:
    __slots__ = ("_id", "_opened", "_parts", "_subscriber", "_timer", "_visit")

    def __init__(self, parts: Sockets, visit: Visit, write_frame: WriteFrame | None) -> None:
        self._parts = parts
        self._visit = visit
        self._id = str(new_id())
        self._subscriber = Subscriber(write_frame)
        self._timer: asyncio.TimerHandle | None = None
        self._opened = time.monotonic()

    async def run(self, receive: Receive, send: Send) -> None:
        subscriber, hub = self._subscriber, self._parts.hub
        hub.join(subscriber)
        subscriber.put(frames.welcome(self._id, HEARTBEAT))
        self._expect_sign_in()
        sender = asyncio.create_task(_send_all(subscriber, send))
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                if subscriber.closing is None:
                    await self._handle(message)
        finally:
            hub.leave(subscriber)
            self._stop_timer()
            subscriber.cancel_send = None
            sender.cancel()

    async def _handle(self, message: Message) -> None:
        try:
            frame = frames.read(message)
        except frames.BadFrame as bad:
            self._subscriber.put(frames.error("VALIDATION_ERROR", str(bad), bad.key))
            return
        kind = frame["type"]
        if kind == "ping":
            self._subscriber.put(frames.pong())
        elif kind == "authenticate":
            await self._authenticate(frame["token"])
        elif not self._subscriber.caller.id:
            self._subscriber.put(frames.error("UNAUTHORIZED", "Send authenticate first.", frame["key"]))
        elif kind == "subscribe":
            await self._subscribe(frame["key"], frame.get("after"))
        else:
            self._parts.hub.stop(self._subscriber, frame["key"])

    async def _authenticate(self, token: str) -> None:
        subscriber = self._subscriber
        if not subscriber.caller.id:
            # The time that the check takes must not count against the client.
            self._stop_timer()
        try:
            async with self._parts.identifying:
                caller, expires_at = await self._parts.identify(token)
        except Problem as problem:
            if problem.status == Unauthorized.status and not self._visit.may_try_again():
                subscriber.close(frames.TOO_MANY, "Too many invalid tokens came from this address; wait a minute.")
                return
            subscriber.put(frames.error(problem.code, problem.detail))
            if not subscriber.caller.id:
                self._expect_sign_in()
            return
        if subscriber.caller.id not in {None, caller.id}:
            subscriber.put(frames.error("FORBIDDEN", "This connection is another account's; open one of your own."))
            return
        if subscriber.caller.id and subscriber.caller.permissions != caller.permissions:
            subscriber.close(frames.UNAUTHENTICATED, "Your permissions have changed; connect again.")
            return
        if not subscriber.caller.id and not self._visit.admits(caller.id):
            subscriber.close(frames.TOO_MANY, "Too many connections of this account; wait a minute.")
            return
        self._parts.hub.signed_in(subscriber, caller)
        self._close_after(expires_at - clock.time(), "The token has expired; authenticate with a new one in time.")
        subscriber.put(frames.authenticated(caller.id, expires_at))

    async def _subscribe(self, key: str, after: str | None) -> None:
        subscriber = self._subscriber
        if len(subscriber.keys) >= MAX_KEYS and key not in subscriber.keys:
            message = f"A connection follows at most {MAX_KEYS} keys; unsubscribe from some."
            subscriber.put(frames.error("TOO_MANY_KEYS", message, key))
            return
        cursor = None if after is None else Cursor.parse(after)
        try:
            await self._parts.subscriptions.begin(subscriber, key, cursor, self._id)
        except Problem as problem:
            self._parts.hub.stop(subscriber, key)
            subscriber.put(frames.error(problem.code, problem.detail, key))
        except Exception as error:  # noqa: BLE001 - the client gets an error frame, and the log the reason
            logs.exception("A subscription failed.", error, request_id=self._id)
            self._parts.hub.stop(subscriber, key)
            subscriber.put(frames.error(Problem.code, Problem.detail, key))

    def _expect_sign_in(self) -> None:
        left = self._opened + SIGN_IN_WITHIN - time.monotonic()
        self._close_after(left, f"No sign-in came within {SIGN_IN_WITHIN:.0f} seconds.")

    def _close_after(self, seconds: float, reason: str) -> None:
        self._stop_timer()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, seconds), self._subscriber.close, frames.UNAUTHENTICATED, reason)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def _send_all(subscriber: Subscriber, send: Send) -> None:
    """Send frames in order, then the close frame."""
    # Not before: a task that is cancelled before its first step would send no close frame.
    subscriber.cancel_send = _cancel_of_this_task()
    with suppress(OSError, RuntimeError):  # The client is gone; the receiving task gets the disconnect.
        try:
            while (frame := await subscriber.take()) is not None:
                await send({"type": "websocket.send", "text": frame})
        except asyncio.CancelledError:
            if subscriber.closing is None or subscriber.cancel_send is None:
                raise
        if subscriber.closing is not None:
            code, reason = subscriber.closing
            metrics.closings.labels(str(code)).inc()
            await send({"type": "websocket.close", "code": code, "reason": reason})
    subscriber.close(1006, "")


def _cancel_of_this_task() -> Callable[[], object]:
    """Return the function that cancels the running task; a variable of that task would be in a ring with its error."""
    task = asyncio.current_task()
    assert task is not None
    return task.cancel
