"""Wake-ups between processes: what was committed here wakes the relay there, what it stamps wakes every reader.

They are hints. Losing one, or all of them, costs time until the next look and nothing else.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import nats.errors
from nats.aio.msg import Msg

from accord.journal.tail import Feed
from accord.messaging.connection import Connection
from accord.problems import ServiceUnavailable

if TYPE_CHECKING:
    from accord.journal.sequencer import Relay

APPENDED = "accord.journal.appended"
STAMPED = "accord.journal.stamped"


class Wakeups:
    """Passes wake-ups on within this process, and over NATS to the others."""

    def __init__(self, connection: Connection, feed: Feed) -> None:
        """Take what carries them, and who wants to hear of new positions; a process with a relay sets it."""
        self._connection = connection
        self._feed = feed
        self._sending: asyncio.Task[None] | None = None
        self.relay: Relay | None = None

    async def start(self) -> None:
        """Listen to the other processes."""
        await self._connection.subscribe(STAMPED, self._heard_stamped)
        if self.relay is not None:
            await self._connection.subscribe(APPENDED, self._heard_appended)

    def appended(self) -> None:
        """Tell the relay, wherever it leads, that something was committed; many calls at once send one message."""
        if self.relay is not None and self.relay.leads:
            self.relay.wake()
        elif self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(APPENDED))

    async def stamped(self, _position: int) -> None:
        """Tell every reader that there are new positions."""
        self._feed.wake()
        await self._send(STAMPED)

    async def _send(self, subject: str) -> None:
        with suppress(ServiceUnavailable, nats.errors.Error, OSError):
            await self._connection.publish(subject, b"")

    async def _heard_appended(self, _: Msg) -> None:
        if self.relay is not None:
            self.relay.wake()

    async def _heard_stamped(self, _: Msg) -> None:
        self._feed.wake()
