"""A worker's side of being believed alive: a beat twice a second, that says what its clock says.

A gateway sends a request to a worker whose last beat it knows, and writes into it until when the worker may begin:
LEASE after that beat, on the worker's clock. When no beat has come for as long, the gateway gives the worker up. So
what was given up is never begun later, whoever was frozen, and whatever waits in a socket. What had begun ends without
a commit: a worker whose own last beat is as old knows that it was given up.
"""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress

import nats.errors
from nats.aio.msg import Msg

from accord.clock import uptime
from accord.messaging.connection import Connection, Subscription
from accord.messaging.signing import ForgedMessage, MessageSigner
from accord.problems import ServiceUnavailable
from accord.telemetry import logs

BEATS, CALLS = "accord.workers.beats", "accord.workers.calls"
INTERVAL = 0.5
"""Seconds between two beats."""
LEASE = 2.5
"""Seconds after a beat for which a worker is sent requests, and may begin and commit them."""


class Lease:
    """Beats for one worker."""

    def __init__(self, connection: Connection, signer: MessageSigner, when_lost: Callable[[], None]) -> None:
        """Take what ends all that runs, called when it was given up elsewhere."""
        self._connection, self._signer, self._when_lost = connection, signer, when_lost
        self.worker = secrets.token_hex(8)
        """The name that requests for this worker are addressed to."""
        self._state = "open"
        self._last = uptime()
        self._called = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None
        self._calls: Subscription | None = None

    async def start(self) -> None:
        """Be known to every gateway: each asks when it hears the first beat, and when it needs somebody."""
        self._calls = await self._connection.subscribe(CALLS, self._heard_call)
        await self._beat()
        self._beating = asyncio.create_task(self._beat_on(), name="lease")

    async def leave(self, state: str) -> None:
        """Be sent no more: while `leaving` only when nobody else is there, once `closed` nothing at all."""
        self._state = state
        await self._beat()

    async def stop(self) -> None:
        """Beat no more."""
        if self._calls is not None:
            await self._connection.unsubscribe(self._calls)
        if self._beating is not None:
            self._beating.cancel()

    def is_held(self) -> bool:
        """Whether gateways still wait for what runs here; without it nothing may be committed."""
        return uptime() - self._last < LEASE

    async def _beat_on(self) -> None:
        while True:
            self._called.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._called.wait(), INTERVAL)
            try:
                await self._beat()
            except Exception as error:  # noqa: BLE001 - a worker whose beats ended would be sent nothing for good
                logs.exception("A beat could not be sent.", error)

    async def _beat(self) -> None:
        now = uptime()
        if now - self._last >= LEASE:
            self._when_lost()
        with suppress(ServiceUnavailable, nats.errors.Error, OSError):
            if await self._say(BEATS, now):
                self._last = now

    async def _say(self, subject: str, now: float, **more: object) -> bool:
        """Say that this worker lives; not where what is sent to it now would not come."""
        if not self._connection.is_heard:
            return False
        note = {"worker": self.worker, "clock": now, "state": self._state, **more}
        await self._connection.publish(subject, self._signer.sign_broadcast(subject, note))
        return True

    async def _heard_call(self, msg: Msg) -> None:
        """Answer a gateway; whoever has another key hears a beat, so that he can tell that there is somebody."""
        try:
            call = self._signer.verify_broadcast(f"{CALLS} {msg.reply}", msg.data)
        except ForgedMessage:
            self._called.set()
            return
        if call["worker"] in (None, self.worker):
            with suppress(ServiceUnavailable, nats.errors.Error, OSError):
                await self._say(msg.reply, uptime(), asked=call["asked"])
