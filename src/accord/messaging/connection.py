"""The connection to NATS: it may be away at the start and at any time after, and is sought for ever.

nats-py reconnects by itself, with one exception: after certain refusals of the server (a password that was
changed) it closes for good. So a task watches over the client and replaces it; what is subscribed here is
subscribed again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

import nats.errors
from nats.aio.client import PING_PROTO, Client
from nats.aio.msg import Msg

from accord.problems import ServiceUnavailable
from accord.telemetry import logs

Receiver = Callable[[Msg], Awaitable[None]]
State = Literal["connecting", "connected", "disconnected", "closed"]
_RETRY_INTERVAL = 0.25
_PING_INTERVAL = 10
_NO_RESPONDERS = "503"


class _DirectClient(Client):
    """nats-py's client, with two things done otherwise.

    It writes a PING at once, past the commands that wait for its flusher. So a flush returned before the server knew of
    a subscription, and a drain before it knew that there was an end to it: what the server sent in between was lost.
    Here the PING waits for its turn.

    And it puts each message into a queue, from which a task of the subscription takes it: a tenth of what a flow costs
    gateway and worker. Here the receiver gets it as it is read; so receivers must not wait for anything that is read
    later.
    """

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        subscription = self._subs.get(sid)
        if subscription is None:
            return  # It was just ended.
        # Only what the server itself says, such as that nobody listens, is said in headers alone.
        read = None if data else await self._process_headers(headers)
        receiver: Receiver = subscription._cb  # type: ignore[assignment]  # noqa: SLF001 - each is made with one
        try:
            await receiver(self._build_message(sid, subject, reply, data, read))
        except Exception as error:  # noqa: BLE001 - it would end the reading of everything
            await self._error_cb(error)

    async def _send_ping(self, future: asyncio.Future[bool] | None = None) -> None:
        self._pongs.append(future or asyncio.Future())
        await self._send_command(PING_PROTO)
        await self._flush_pending()


class Subscription:
    """An interest that outlives reconnections."""

    def __init__(self, subject: str, queue: str, receiver: Receiver) -> None:
        """Remember what to subscribe."""
        self.subject, self.queue, self.receiver = subject, queue, receiver
        self._drain: Callable[[], Awaitable[None]] | None = None
        self._client: Client | None = None

    async def take_place(self, client: Client) -> None:
        """Subscribe at this client, once."""
        if self.is_at(client):
            return
        self._client = client
        self._drain = (await client.subscribe(self.subject, self.queue, self.receiver)).drain

    def is_at(self, client: Client) -> bool:
        """Whether this client was told, so that a flush of it comes back after the server knows."""
        return self._client is client

    async def drain(self) -> None:
        """Take no more, and hand over what has arrived; a broken connection has nothing to wait for."""
        if self._drain is not None:
            with suppress(nats.errors.Error):
                await self._drain()


class Connection:
    """One process's connection to NATS."""

    def __init__(self, url: str, name: str) -> None:
        """Take NATS_URL (several servers by comma), and the name to be shown in the server's monitoring."""
        self._servers = [server.strip() for server in url.split(",")]
        self._name = name
        self._client: Client = _DirectClient()
        self._was_connected, self._is_closed = False, False
        self._subscriptions: list[Subscription] = []
        self._watch: asyncio.Task[None] | None = None
        self._connected, self._ended = asyncio.Event(), asyncio.Event()
        self.when_lost: list[Callable[[], None]] = []

    @property
    def state(self) -> State:
        """Whether messages get through now."""
        if self.is_connected:
            return "connected"
        if self._is_closed:
            return "closed"
        return "disconnected" if self._was_connected else "connecting"

    @property
    def is_connected(self) -> bool:
        """Whether messages get through now."""
        return self._client.is_connected

    @property
    def is_heard(self) -> bool:
        """Whether the server was told of all that is subscribed here."""
        return self.is_connected and all(one.is_at(self._client) for one in self._subscriptions)

    @property
    def max_payload(self) -> int:
        """The largest message that the server takes, in bytes."""
        return self._client.max_payload

    async def start(self, patience: float = 2.0) -> bool:
        """Connect; after `patience` seconds go on in the background and return False."""
        self._watch = asyncio.create_task(self._keep_connected(), name="nats")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._connected.wait(), patience)
        if not self.is_connected:
            logs.warning("NATS is not reachable; connecting goes on in the background.")
        return self.is_connected

    async def publish(
        self, subject: str, payload: bytes, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Send. Raises ServiceUnavailable when NATS is away, instead of keeping the message for later."""
        if not self._client.is_connected:
            raise ServiceUnavailable("The message service is not reachable. Try again shortly.", retry_after=1)
        await self._client.publish(subject, payload, reply, headers)

    async def subscribe(self, subject: str, receiver: Receiver, queue: str = "") -> Subscription:
        """Hand each message to `receiver`, one after another; it must not take long."""
        subscription = Subscription(subject, queue, receiver)
        self._subscriptions.append(subscription)
        if self.is_connected:
            await subscription.take_place(self._client)
        return subscription

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Take no more; what has arrived is still handed over."""
        self._subscriptions.remove(subscription)
        await subscription.drain()

    async def ping(self, timeout: float = 1.0) -> None:  # noqa: ASYNC109  nats-py takes it as a number, too
        """Go to the server and back: it knows what is subscribed here. Raises ServiceUnavailable."""
        try:
            if not self.is_heard:
                raise ServiceUnavailable
            await self._client.flush(max(1, round(timeout)))
        except nats.errors.Error:
            raise ServiceUnavailable from None

    async def close(self) -> None:
        """Send what is waiting, then end."""
        self._is_closed = True
        if self._watch is not None:
            self._watch.cancel()
        # asyncio's own loop in Python 3.13.0 raises TypeError where a transport is closed already.
        with suppress(nats.errors.Error, OSError, TimeoutError, TypeError):
            if self.is_connected:
                await self._client.flush(2)
            await self._client.close()
        self._tell_lost()

    async def _keep_connected(self) -> None:
        while True:
            self._client = _DirectClient()
            self._ended.clear()
            try:
                await self._connect(self._client)
                await self._found()
                await self._ended.wait()
            except (nats.errors.Error, OSError, TimeoutError) as error:
                logs.debug("NATS refused.", reason=type(error).__name__)
            await asyncio.sleep(_RETRY_INTERVAL)

    async def _connect(self, client: Client) -> None:
        await client.connect(
            self._servers,
            name=self._name,
            error_cb=self._on_error,
            disconnected_cb=self._on_lost,
            reconnected_cb=self._found,  # nats-py does not know what was subscribed meanwhile
            closed_cb=self._on_closed,
            # nats-py takes fractions of seconds here, whatever its annotation says.
            reconnect_time_wait=_RETRY_INTERVAL,  # pyright: ignore[reportArgumentType]
            max_reconnect_attempts=-1,
            ping_interval=_PING_INTERVAL,
        )

    async def _found(self) -> None:
        for subscription in list(self._subscriptions):
            await subscription.take_place(self._client)
        if self._was_connected:
            logs.info("NATS is back.")
        self._was_connected = True
        self._connected.set()

    async def _on_lost(self) -> None:
        if not self._is_closed:
            logs.warning("NATS is away; reconnecting.")
        self._tell_lost()

    async def _on_closed(self) -> None:
        self._tell_lost()
        self._ended.set()

    async def _on_error(self, error: Exception) -> None:
        # While it is away every attempt ends here; that it is away was logged once.
        if self.is_connected and not isinstance(error, OSError):
            logs.warning("NATS reports an error.", reason=type(error).__name__, text=str(error))

    def _tell_lost(self) -> None:
        for tell in self.when_lost:
            tell()


def is_unheard(answer: Msg) -> bool:
    """Say whether NATS answers, for lack of a subscriber; a stranger can forge this, so it never decides on a write."""
    return not answer.data and (answer.headers or {}).get("Status") == _NO_RESPONDERS
