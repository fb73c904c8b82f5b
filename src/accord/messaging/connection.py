"""The connection to NATS. NATS may be unreachable at the start and at any time after; reconnecting has no limit.

nats-py reconnects by itself, with one exception: after certain errors of the server (a password that was changed) the
client closes for good. So a task watches the client and replaces it; subscriptions made here are made again at the new
client.
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
    """nats-py's client, with two differences.

    nats-py writes a PING at once, ahead of the commands that wait for the client's flusher. So a flush returned before
    the server knew of a subscription, and a drain before the server knew of its end: messages sent in between were
    lost. Here the PING is written after the waiting commands.

    nats-py puts each message into a queue, from which a task of the subscription takes the message: a tenth of what a
    flow costs gateway and worker. Here the receiver gets each message as it is read. So a receiver must not wait for
    anything that is read later.
    """

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        subscription = self._subs.get(sid)
        if subscription is None:
            return  # The subscription has just ended.
        # Only messages of the server itself, such as "no responders", have headers and no data.
        read = None if data else await self._process_headers(headers)
        receiver: Receiver = subscription._cb  # type: ignore[assignment]  # noqa: SLF001 - each is made with one
        try:
            await receiver(self._build_message(sid, subject, reply, data, read))
        except Exception as error:  # noqa: BLE001 - an exception here would end all reading
            await self._error_cb(error)

    async def _send_ping(self, future: asyncio.Future[bool] | None = None) -> None:
        self._pongs.append(future or asyncio.Future())
        await self._send_command(PING_PROTO)
        await self._flush_pending()


class Subscription:
    """A subscription to a subject that outlives reconnections."""

    def __init__(self, subject: str, queue: str, receiver: Receiver) -> None:
        """Take the subject, the queue group and the receiver."""
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
        """Whether this client has sent the subscription, so that its flush returns after the server knows."""
        return self._client is client

    async def drain(self) -> None:
        """Take no more messages, and hand over those that have arrived; a broken connection has none to wait for."""
        if self._drain is not None:
            with suppress(nats.errors.Error):
                await self._drain()


class Connection:
    """One process's connection to NATS."""

    def __init__(self, url: str, name: str) -> None:
        """Take NATS_URL (servers separated by commas), and the name that the server's monitoring shows."""
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
        """The state of the connection; messages get through while it is `connected`."""
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
        """Whether the server was sent every subscription of this connection."""
        return self.is_connected and all(one.is_at(self._client) for one in self._subscriptions)

    @property
    def max_payload(self) -> int:
        """The largest message that the server takes, in bytes."""
        return self._client.max_payload

    async def start(self, timeout_seconds: float = 2.0) -> bool:
        """Connect; after `timeout_seconds` return False and go on connecting in the background."""
        self._watch = asyncio.create_task(self._keep_connected(), name="nats")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._connected.wait(), timeout_seconds)
        if not self.is_connected:
            logs.warning("NATS is not reachable; connecting goes on in the background.")
        return self.is_connected

    async def publish(
        self, subject: str, payload: bytes, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Send. Raises ServiceUnavailable when NATS is not reachable, instead of keeping the message for later."""
        if not self._client.is_connected:
            raise ServiceUnavailable("The message service is not reachable. Try again shortly.", retry_after=1)
        await self._client.publish(subject, payload, reply, headers)

    async def subscribe(self, subject: str, receiver: Receiver, queue: str = "") -> Subscription:
        """Hand each message to `receiver`, one after another; a receiver must return quickly."""
        subscription = Subscription(subject, queue, receiver)
        self._subscriptions.append(subscription)
        if self.is_connected:
            await subscription.take_place(self._client)
        return subscription

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Take no more messages; those that have arrived are still handed over."""
        self._subscriptions.remove(subscription)
        await subscription.drain()

    async def ping(self, timeout: float = 1.0) -> None:  # noqa: ASYNC109  nats-py takes a number, too
        """Make one round trip, after which the server knows every subscription. Raises ServiceUnavailable."""
        try:
            if not self.is_heard:
                raise ServiceUnavailable
            await self._client.flush(max(1, round(timeout)))
        except nats.errors.Error:
            raise ServiceUnavailable from None

    async def close(self) -> None:
        """Send waiting messages, at most 2 seconds long, then end."""
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
                logs.debug("Connecting to NATS failed.", reason=type(error).__name__)
            await asyncio.sleep(_RETRY_INTERVAL)

    async def _connect(self, client: Client) -> None:
        await client.connect(
            self._servers,
            name=self._name,
            error_cb=self._on_error,
            disconnected_cb=self._on_lost,
            reconnected_cb=self._found,  # nats-py does not know of subscriptions made meanwhile
            closed_cb=self._on_closed,
            # nats-py takes fractions of seconds here; its annotation says whole seconds.
            reconnect_time_wait=_RETRY_INTERVAL,  # pyright: ignore[reportArgumentType]
            max_reconnect_attempts=-1,
            ping_interval=_PING_INTERVAL,
        )

    async def _found(self) -> None:
        for subscription in list(self._subscriptions):
            await subscription.take_place(self._client)
        if self._was_connected:
            logs.info("NATS is connected again.")
        self._was_connected = True
        self._connected.set()

    async def _on_lost(self) -> None:
        if not self._is_closed:
            logs.warning("The connection to NATS was lost; reconnecting.")
        self._tell_lost()

    async def _on_closed(self) -> None:
        self._tell_lost()
        self._ended.set()

    async def _on_error(self, error: Exception) -> None:
        # While NATS is not reachable every attempt ends here; the loss was logged once.
        if self.is_connected and not isinstance(error, OSError):
            logs.warning("NATS reports an error.", reason=type(error).__name__, text=str(error))

    def _tell_lost(self) -> None:
        for tell in self.when_lost:
            tell()


def is_unheard(response: Msg) -> bool:
    """Return whether NATS itself responds, for lack of a subscriber; clients can forge that: no write relies on it."""
    return not response.data and (response.headers or {}).get("Status") == _NO_RESPONDERS
