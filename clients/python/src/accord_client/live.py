"""Live updates: one WebSocket for all that is followed, which comes back by itself and goes on where it was.

A change says that something moved, and to which version; fetch the record as usual. After a cut every key is followed
from the last cursor that its follower saw, and what comes twice is dropped. When too much was missed, or the journal
is another one after a restored backup, a `Resync` says so: read again, changes go on from there.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from .changes import Changes
from .errors import AccordError, ConnectionFailed, ServiceUnavailable, Timeout, Unauthorized, live_error
from .generated.models import Change
from .generated.types import read_time
from .questions import Questions
from .tokens import MARGIN

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 30.0
STEADY: Final = 10.0
"""Seconds after which a connection counts as one that works, so that the next pause is short again."""
CONNECT_TIMEOUT: Final = 10.0
"""Seconds to wait for a connection, and for the first response on it."""
AGAIN: Final = 1.0
"""Seconds, at the most, before a key is requested again that no worker could check."""
FAREWELL: Final = 1.0
"""Seconds that the end of a connection waits for the service to agree."""

_ID: Final = re.compile("[0-9A-Fa-f-]{36}")

_AWAY: Final = (OSError, asyncio.TimeoutError, ConnectionClosed, ConnectionFailed, ServiceUnavailable)

AccessToken = Callable[["str | None"], Awaitable["str | None"]]
WebSocket = Callable[..., AbstractAsyncContextManager[ClientConnection]]
"""Opens a socket, called as `websockets.asyncio.client.connect` is."""


class Live:
    """Follows keys. The connection is made for the first follower, and closed after the last."""

    def __init__(
        self,
        base_url: str,
        access_token: AccessToken,
        headers: Mapping[str, str],
        ssl_context: ssl.SSLContext,
        web_socket: WebSocket = connect,
    ) -> None:
        self._url = f"ws{base_url.removeprefix('http')}/api/v1/ws"
        self._ssl_context = ssl_context if base_url.startswith("https:") else None
        self._access_token = access_token
        self._headers = headers
        self._web_socket = web_socket
        self._followers: dict[str, list[Changes]] = {}
        self._asked: dict[str, list[Changes]] = {}
        """The followers for which a key was requested, until the response: each request gets one response."""
        self._delayed: set[asyncio.Task[None]] = set()
        """The tasks that request a key again."""
        self._socket: ClientConnection | None = None
        self._running: asyncio.Task[None] | None = None
        self._signed_in_until: asyncio.Queue[float] = asyncio.Queue()
        self._questions = Questions(self.disconnect)

    @asynccontextmanager
    async def follow(self, *keys: str, after: str | None = None) -> AsyncGenerator[Changes, None]:
        """Follow keys from now, or from a cursor, such as that of `query_records`.

        Every change after the block was entered is delivered. Raises NotFound when a key may not be followed, here
        or, when that comes later, from the iteration.
        """
        # The service writes ids in small letters, and tells of keys as it writes them.
        changes = Changes((_ID.sub(lambda found: found[0].lower(), key) for key in keys), after)
        try:
            await self._begin(changes)
            yield changes
        finally:
            await self._leave(changes)

    def disconnect(self) -> None:
        """Cut the connection, as when the network goes; it comes back by itself."""
        if self._socket is not None:
            self._socket.transport.abort()

    @property
    def is_connected(self) -> bool:
        """Whether the WebSocket is open: while keys are followed, and not during a reconnect."""
        return self._socket is not None

    async def close(self) -> None:
        """End the connection and all that follow."""
        for changes in self._everybody():
            changes.close()
        await self._stop()

    async def _begin(self, changes: Changes) -> None:
        for key in changes.keys:
            self._followers.setdefault(key, []).append(changes)
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._stay_connected())
        for key in changes.keys:
            await self._ask(key)
        await changes.until_subscribed()

    async def _leave(self, changes: Changes) -> None:
        for key in changes.keys:
            self._remove(key, changes)
            await self._unsubscribe_if_unused(key)
        if not self._followers:
            await self._stop()

    def _remove(self, key: str, changes: Changes) -> None:
        left = [other for other in self._followers.get(key, ()) if other is not changes]
        if left:
            self._followers[key] = left
        else:
            self._followers.pop(key, None)

    async def _unsubscribe_if_unused(self, key: str) -> None:
        # While a request is open, its response would be taken for that to a later request: it comes here again.
        if key not in self._followers and key not in self._asked:
            await self._say(type="unsubscribe", key=key)

    async def _stop(self) -> None:
        running, self._running = self._running, None
        if running is not None and running is not asyncio.current_task():
            running.cancel()
            await asyncio.wait([running])

    def _everybody(self) -> list[Changes]:
        return list({id(each): each for key in self._followers.values() for each in key}.values())

    async def _stay_connected(self) -> None:
        failures = 0
        while self._followers:
            began = time.monotonic()
            try:
                await self._one_connection()
            except Unauthorized as error:
                return self._end_all(error)
            except Exception as error:  # noqa: BLE001 - also of a store of tokens, or for a frame that is a proxy's
                _report(error)  # The next connection may do better.
            failures = 0 if time.monotonic() - began > STEADY else failures + 1
            await asyncio.sleep(_pause(failures))
        return None

    def _end_all(self, error: Exception) -> None:
        for changes in self._everybody():
            changes.end(error)

    async def _one_connection(self) -> None:
        """Sign in, follow all keys, and hand out what comes, until the connection ends."""
        token = await self._token()
        async with self._connect() as socket:
            welcome = await _next_frame(socket)
            ahead = read_time(welcome["serverTime"]).timestamp() - time.time()
            heartbeat = float(welcome["heartbeatSeconds"])
            token = await self._sign_in(socket, token)
            self._socket = socket
            tasks = [asyncio.create_task(self._stay_signed_in(token, ahead))]
            tasks.append(asyncio.create_task(self._stay_heard(heartbeat)))
            try:
                await asyncio.gather(*(self._ask(key) for key in list(self._followers)))
                async for text in socket:
                    self._questions.heard()
                    await self._take(json.loads(text))
            finally:
                self._socket = None
                self._disconnect_all()
                for task in [*tasks, *self._delayed]:
                    task.cancel()

    def _connect(self) -> AbstractAsyncContextManager[ClientConnection]:
        return self._web_socket(
            self._url,
            ssl=self._ssl_context,
            additional_headers=self._headers,
            open_timeout=CONNECT_TIMEOUT,
            close_timeout=FAREWELL,
            # The keepalive would end a connection whose pong is behind many frames, and a proxy replies itself:
            # `_stay_heard` asks the service.
            ping_interval=None,
        )

    def _disconnect_all(self) -> None:
        self._asked.clear()
        self._questions.clear()
        for key in self._followers:
            self._disconnect(key)

    def _disconnect(self, key: str) -> None:
        for changes in self._followers.get(key, ()):
            changes.disconnected(key)

    async def _token(self, refused: str | None = None) -> str:
        token = await self._access_token(refused)
        if token is None:
            raise live_error("UNAUTHORIZED", "Sign in first.")
        return token

    async def _sign_in(self, socket: ClientConnection, token: str) -> str:
        """Authenticate, with one fresh token more when this is refused; return the token that was good."""
        for attempt in (1, 2):
            await socket.send(json.dumps({"type": "authenticate", "token": token}))
            frame = await _next_frame(socket)
            if frame["type"] == "authenticated":
                self._signed_in_until = asyncio.Queue()
                await self._take(frame)
                return token
            if attempt == 1:
                token = await self._token(refused=token)
        raise live_error(frame["code"], frame["message"])

    async def _stay_signed_in(self, token: str, ahead: float) -> None:
        """Authenticate with a new token before the old one expires; subscriptions stay."""
        try:
            while True:
                left = await self._signed_in_until.get() - ahead - time.time()
                await asyncio.sleep(max(0.0, left - _margin(left)))
                token = await self._token(refused=token)
                self._questions.asked("authenticate")
                await self._say(type="authenticate", token=token)
        except Unauthorized as error:
            self._end_all(error)
        except Exception as error:  # noqa: BLE001 - also of a store of tokens
            _report(error)
            self.disconnect()  # The next connection tries until there is a token.

    async def _stay_heard(self, heartbeat: float) -> None:
        """Notice that the service is there no more, although something on the way keeps the connection open."""
        while True:
            await asyncio.sleep(heartbeat)
            self._questions.asked("ping")
            await self._say(type="ping")

    async def _ask(self, key: str) -> None:
        """Ask the service about a key for its followers that are not subscribed.

        Followers with one cursor are requested together; the others later, as the service has to judge each cursor.
        """
        # A follower that was refused may stay for long, and would be refused again and again.
        waiting = [each for each in self._followers.get(key, ()) if each.waits(key)]
        if self._socket is None or key in self._asked or not waiting:
            return
        after = waiting[0].cursor(key)
        self._asked[key] = [each for each in waiting if each.cursor(key) == after]
        self._questions.asked(key)
        await self._say(type="subscribe", key=key, **({} if after is None else {"after": after}))

    async def _say(self, **frame: object) -> None:
        if self._socket is not None:
            with suppress(ConnectionClosed):  # The reading task notices, and connects again.
                await self._socket.send(json.dumps(frame))

    async def _take(self, frame: dict[str, Any]) -> None:
        kind, key = frame["type"], frame.get("key", "")
        if kind == "change":
            change = Change.from_dict(frame)
            for changes in self._followers.get(key, ()):
                changes.offer(change)
        elif kind == "subscribed":
            cursor, outcome = frame["cursor"], frame["outcome"]
            await self._responded(key, lambda each: each.subscribed(key, cursor, outcome))
        elif kind == "pong":
            self._questions.responded("ping")
        elif kind == "authenticated":
            self._questions.responded("authenticate")
            self._signed_in_until.put_nowait(read_time(frame["expiresAt"]).timestamp())
        elif kind == "error" and not key:
            self._questions.responded("authenticate")
        elif kind == "error":
            await self._refused(key, live_error(frame["code"], frame["message"]))
        elif kind == "revoked":
            for changes in self._followers.get(key, ()):
                changes.end(live_error("NOT_FOUND", frame["reason"]))

    async def _refused(self, key: str, error: AccordError) -> None:
        # An error that no request caused is for all followers. Any error ends the subscription that they share, so the
        # key is requested again for followers that the error is not for.
        self._asked.setdefault(key, self._followers.get(key, []))
        self._disconnect(key)
        if not isinstance(error, (ServiceUnavailable, Timeout)):
            return await self._responded(key, lambda each: each.end(error))
        # No worker could check the key. Until it is requested again, the question counts as open.
        self._questions.responded(key)
        task = asyncio.create_task(self._ask_again(key))
        self._delayed.add(task)
        return task.add_done_callback(self._delayed.discard)

    async def _ask_again(self, key: str) -> None:
        await asyncio.sleep(random.uniform(AGAIN / 2, AGAIN))  # noqa: S311 - this spreads load, and keeps no secret
        await self._responded(key, lambda _: None)

    async def _responded(self, key: str, tell: Callable[[Changes], None]) -> None:
        self._questions.responded(key)
        for changes in self._asked.pop(key, ()):
            tell(changes)
        await self._ask(key)
        await self._unsubscribe_if_unused(key)


def _report(error: Exception) -> None:
    """Tell the event loop, which logs it; that the network or the service is away is what reconnecting is for."""
    if not isinstance(error, _AWAY):
        told = {"message": "Live updates failed, and are tried again.", "exception": error}
        asyncio.get_running_loop().call_exception_handler(told)


async def _next_frame(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(await asyncio.wait_for(socket.recv(), CONNECT_TIMEOUT))


def _margin(left: float) -> float:
    """Return the seconds before the end of a token that is good for so many when the next one is fetched."""
    return min(MARGIN, left / 10)


def _pause(failures: int) -> float:
    """Return the seconds before connecting again: exponential, with jitter, and never at once."""
    limit = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures, 16))
    return random.uniform(limit / 2, limit)  # noqa: S311 - this spreads load, and keeps no secret
