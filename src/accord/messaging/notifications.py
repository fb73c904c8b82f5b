"""Notifications between processes: a commit wakes the sequencer, and new positions wake every journal tail.

Notifications are hints. A lost one costs the time until the next poll and nothing else.
"""

import asyncio
from contextlib import suppress

import nats.errors
from nats.aio.msg import Msg

from accord.journal.sequencer import Sequencer
from accord.journal.tail import JournalTail
from accord.messaging.connection import Connection
from accord.problems import ServiceUnavailable

APPENDED = "accord.journal.appended"
SEQUENCED = "accord.journal.sequenced"


async def announce_positions(connection: Connection, tail: JournalTail, _position: int) -> None:
    """Wake the journal tail of this process, and those of the others over NATS."""
    tail.wake()
    await _send(connection, SEQUENCED)


class Notifications:
    """Wakes the sequencer and the tail of this process, and the sequencers of the others."""

    def __init__(self, connection: Connection, tail: JournalTail, sequencer: Sequencer | None) -> None:
        """Take the connection, and the tail and the sequencer to wake; a gateway has no sequencer."""
        self._connection = connection
        self._tail = tail
        self._sequencer = sequencer
        self._sending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen to the other processes."""
        await self._connection.subscribe(SEQUENCED, self._heard_sequenced)
        if self._sequencer is not None:
            await self._connection.subscribe(APPENDED, self._heard_appended)

    def appended(self) -> None:
        """Wake the sequencer that leads, in whichever process it is; calls at the same time send one message."""
        if self._sequencer is not None and self._sequencer.leads:
            self._sequencer.wake()
        elif self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(_send(self._connection, APPENDED))

    async def _heard_appended(self, _: Msg) -> None:
        if self._sequencer is not None:
            self._sequencer.wake()

    async def _heard_sequenced(self, _: Msg) -> None:
        self._tail.wake()


async def _send(connection: Connection, subject: str) -> None:
    with suppress(ServiceUnavailable, nats.errors.Error, OSError):
        await connection.publish(subject, b"")
