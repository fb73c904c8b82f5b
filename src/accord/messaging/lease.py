"""A worker's lease: a heartbeat twice a second, with the time of the worker's clock.

A gateway sends requests only to workers whose last heartbeat the gateway knows. Each request says until when the worker
may begin: LEASE after that heartbeat, on the worker's clock. When no heartbeat has come for LEASE, the gateway gives
the worker up. So a request that was given up is never begun later, even when a process was frozen, or when the request
waits in a socket. A flow that had begun ends without a commit: a worker whose own last heartbeat is LEASE old knows
that gateways have given the worker up.
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

HEARTBEATS, CALLS = "accord.workers.heartbeats", "accord.workers.calls"
INTERVAL = 0.5
"""Seconds between two heartbeats."""
LEASE = 2.5
"""Seconds after a heartbeat in which gateways send requests to a worker, and the worker may begin and commit them."""


class Lease:
    """Sends the heartbeats of one worker."""

    def __init__(self, connection: Connection, signer: MessageSigner, when_lost: Callable[[], None]) -> None:
        """Take the connection, the signer, and `when_lost`, which ends all running flows once gateways gave them up."""
        self._connection, self._signer, self._when_lost = connection, signer, when_lost
        self.worker = secrets.token_hex(8)
        """The name that requests for this worker are addressed to."""
        self._state = "open"
        self._last = uptime()
        self._called = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None
        self._calls: Subscription | None = None

    async def start(self) -> None:
        """Begin heartbeats. A gateway calls the worker at the first heartbeat, and when the gateway knows no worker."""
        self._calls = await self._connection.subscribe(CALLS, self._heard_call)
        await self._heartbeat()
        self._beating = asyncio.create_task(self._heartbeat_on(), name="lease")

    async def leave(self, state: str) -> None:
        """Announce a state: `leaving` gets requests only when no other worker is open, `closed` gets none."""
        self._state = state
        await self._heartbeat()

    async def stop(self) -> None:
        """End the heartbeats."""
        if self._calls is not None:
            await self._connection.unsubscribe(self._calls)
        if self._beating is not None:
            self._beating.cancel()

    def is_held(self) -> bool:
        """Whether gateways still wait for the flows that run here; without the lease nothing may be committed."""
        return uptime() - self._last < LEASE

    async def _heartbeat_on(self) -> None:
        while True:
            self._called.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._called.wait(), INTERVAL)
            try:
                await self._heartbeat()
            except Exception as error:  # noqa: BLE001 - a worker without heartbeats would never get a request again
                logs.exception("A heartbeat could not be sent.", error)

    async def _heartbeat(self) -> None:
        now = uptime()
        if now - self._last >= LEASE:
            self._when_lost()
        with suppress(ServiceUnavailable, nats.errors.Error, OSError):
            if await self._say(HEARTBEATS, now):
                self._last = now

    async def _say(self, subject: str, now: float, **more: object) -> bool:
        """Send a heartbeat, unless requests to this worker would not arrive now; return whether it was sent."""
        if not self._connection.is_heard:
            return False
        note = {"worker": self.worker, "clock": now, "state": self._state, **more}
        await self._connection.publish(subject, self._signer.sign_broadcast(subject, note))
        return True

    async def _heard_call(self, msg: Msg) -> None:
        """Respond to a gateway; one with another signing key gets a heartbeat, which tells that a worker runs."""
        try:
            call = self._signer.verify_broadcast(f"{CALLS} {msg.reply}", msg.data)
        except ForgedMessage:
            self._called.set()
            return
        if call["worker"] in (None, self.worker):
            if not self.is_held():
                # The gateway is about to send requests, and the flows of these may commit.
                await self._heartbeat()
            with suppress(ServiceUnavailable, nats.errors.Error, OSError):
                await self._say(msg.reply, uptime(), asked=call["asked"])
