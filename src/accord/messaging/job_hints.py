"""Hints between processes that jobs were enqueued. A lost hint costs the time until the next poll and nothing else."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

import nats.errors
from nats.aio.msg import Msg

from accord.messaging.connection import Connection
from accord.problems import ServiceUnavailable

ENQUEUED = "accord.jobs.enqueued"
Wake = Callable[[Collection[str]], bool]
"""Wakes a runner for these queues; returns False when the runner cannot take more of their jobs."""


class JobHints:
    """Wakes the runner of this process, or else those of the others."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection; a process that runs jobs calls `follow`."""
        self._connection = connection
        self._wake: Wake | None = None
        self._queues: set[str] = set()
        self._sending: asyncio.Task[None] | None = None

    async def follow(self, wake: Wake) -> None:
        """Wake this runner from now on, also when other processes enqueue."""
        self._wake = wake
        await self._connection.subscribe(ENQUEUED, self._heard)

    def enqueued(self, queues: Collection[str]) -> None:
        """Wake a runner; calls at the same time send one message."""
        if self._wake is not None and self._wake(queues):
            return
        self._queues.update(queues)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        with suppress(ServiceUnavailable, nats.errors.Error, OSError):
            while self._queues:
                queues, self._queues = self._queues, set()
                await self._connection.publish(ENQUEUED, ",".join(sorted(queues)).encode())

    async def _heard(self, msg: Msg) -> None:
        if self._wake is not None:
            self._wake(msg.data.decode("utf-8", "replace").split(","))
