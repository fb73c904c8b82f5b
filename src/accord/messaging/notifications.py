"""Notifications between processes: a commit wakes the sequencer, and new positions wake every journal tail.

They are hints. A lost one costs the time until the next poll and nothing else.
"""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import nats.errors
from nats.aio.msg import Msg

from accord.journal.tail import JournalTail
from accord.messaging.connection import Connection
from accord.problems import ServiceUnavailable

if TYPE_CHECKING:
    from accord.journal.sequencer import Sequencer

APPENDED = "accord.journal.appended"
SEQUENCED = "accord.journal.sequenced"


class Notifications:
    """Delivers notifications within this process, and over NATS to the others."""

    def __init__(self, connection: Connection, tail: JournalTail) -> None:
        """Take what carries them, and who wants to hear of new positions; a process with a sequencer sets it."""
        self._connection = connection
        self._tail = tail
        self._sending: asyncio.Task[None] | None = None
        self.sequencer: Sequencer | None = None

    async def start(self) -> None:
        """Listen to the other processes."""
        await self._connection.subscribe(SEQUENCED, self._heard_positions_assigned)
        if self.sequencer is not None:
            await self._connection.subscribe(APPENDED, self._heard_appended)

    def appended(self) -> None:
        """Tell the sequencer, wherever it leads, that something was committed; many calls at once send one message."""
        if self.sequencer is not None and self.sequencer.leads:
            self.sequencer.wake()
        elif self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send(APPENDED))

    async def positions_assigned(self, _position: int) -> None:
        """Tell every reader that there are new positions."""
        self._tail.wake()
        await self._send(SEQUENCED)

    async def _send(self, subject: str) -> None:
        with suppress(ServiceUnavailable, nats.errors.Error, OSError):
            await self._connection.publish(subject, b"")

    async def _heard_appended(self, _: Msg) -> None:
        if self.sequencer is not None:
            self.sequencer.wake()

    async def _heard_positions_assigned(self, _: Msg) -> None:
        self._tail.wake()
