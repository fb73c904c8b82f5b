"""Who gets a connection when all are busy: whoever waits longest, straight from whoever gives one back.

psycopg's pool has a queue of its own, in which to wait takes as long as a statement, and through which every connection
goes twice. So nobody is sent there while all are lent; connecting, replacing and closing stay the pool's.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from accord.database.connection import Connection

ASK_AGAIN = 0.5
"""Seconds after which a pool that has no connection is asked again."""
Waiting = asyncio.Future[Connection | None]
"""Becomes a connection, or None for the right to take one out of the pool."""


class Lending:
    """Lends the connections of a pool, at most as many as it may have."""

    def __init__(
        self, pool: AsyncConnectionPool[Connection], size: int, timeout: float, is_away: Callable[[], bool]
    ) -> None:
        """Take the pool, its largest size, the seconds that anybody waits, and whether the server is away."""
        self._pool = pool
        self._is_away = is_away
        self._free = size
        self._timeout = timeout
        self._waiting: deque[Waiting] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for a connection."""
        return len(self._waiting)

    async def borrow(self) -> Connection:
        """Return a connection. Raises PoolTimeout when none comes in time, and whatever connecting raises."""
        over = time.monotonic() + self._timeout
        if self._free:
            self._free -= 1
        elif (connection := await self._handed_over()) is not None:
            return connection
        try:
            return await self._taken(over)
        except BaseException:
            self._release()
            raise

    async def give_back(self, connection: Connection) -> None:
        """Hand it on when it is good; else the pool drops it, or rolls back what was left open on it."""
        if connection.pgconn.transaction_status == TransactionStatus.IDLE and self._next_gets(connection):
            return
        try:
            await self._pool.putconn(connection)
        finally:
            self._release()

    async def _taken(self, over: float) -> Connection:
        """Take one out of the pool, which gives up connecting after a while, and begins again when it is asked."""
        # Known to be away, it is not asked at all: else those who wait would find out one after another.
        while not self._is_away():
            try:
                return await self._pool.getconn(min(ASK_AGAIN, self._timeout))
            except PoolTimeout:
                if time.monotonic() >= over:
                    raise
        raise PoolTimeout

    def _release(self) -> None:
        """Give the right to take a connection out of the pool to whoever waits longest, or keep it."""
        if not self._next_gets(None):
            self._free += 1

    def _next_gets(self, connection: Connection | None) -> bool:
        """Say whether anybody was waiting."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(connection)
                return True
        return False

    async def _handed_over(self) -> Connection | None:
        loop = asyncio.get_running_loop()
        waiting: Waiting = loop.create_future()
        self._waiting.append(waiting)
        timer = loop.call_later(self._timeout, _refuse, waiting)
        try:
            return await waiting
        except asyncio.CancelledError:
            if not waiting.cancelled() and waiting.exception() is None:
                # Handed over and cancelled at the same moment.
                connection = waiting.result()
                if connection is None:
                    self._release()
                else:
                    await self.give_back(connection)
            raise
        finally:
            timer.cancel()


def _refuse(waiting: Waiting) -> None:
    if not waiting.done():
        waiting.set_exception(PoolTimeout())
