"""Who gets a connection when all are busy: whoever waits longest, straight from whoever gives one back.

psycopg's pool has a queue of its own, in which to wait takes as long as a statement, and through which every connection
goes twice. So nobody is sent there while all are lent; connecting, replacing and closing stay the pool's.

Transactions never get all connections: those that wait for each other's rows would keep everybody else from reading.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from psycopg.pq import ConnStatus, TransactionStatus
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from accord.database.connection import Connection

ASK_AGAIN = 0.5
"""Seconds after which a pool that has no connection is asked again."""
KEPT_FOR_READS = 5
"""One connection in so many, and one at least where there are two, is never lent to a transaction."""


class Waiting(NamedTuple):
    """Somebody who waits, and since when: becomes a connection, or None for the right to take one out of the pool."""

    since: float
    future: "asyncio.Future[Connection | None]"


class Lending:
    """Lends the connections of a pool, at most as many as it may have."""

    def __init__(
        self, pool: AsyncConnectionPool[Connection], size: int, timeout: float, is_away: Callable[[], bool]
    ) -> None:
        """Take the pool, its largest size, the seconds that anybody waits, and whether the server is away."""
        self._pool = pool
        self._is_away = is_away
        self._free = size
        self._free_for_transactions = size - min(size - 1, max(1, size // KEPT_FOR_READS))
        self._timeout = timeout
        self._asking = 0
        self._renewed_at = float("-inf")
        self.good_at = float("-inf")
        """When a connection was given back that worked, by the monotonic clock."""
        self._readers: deque[Waiting] = deque()
        self._transactions: deque[Waiting] = deque()

    @property
    def waiting(self) -> int:
        """How many wait for a connection."""
        return len(self._readers) + len(self._transactions)

    async def borrow(self, *, for_transaction: bool = False) -> Connection:
        """Return a connection. Raises PoolTimeout when none comes in time, and whatever connecting raises."""
        over = time.monotonic() + self._timeout
        if self._free and (self._free_for_transactions or not for_transaction):
            self._free -= 1
            self._free_for_transactions -= for_transaction
        elif (connection := await self._handed_over(for_transaction=for_transaction)) is not None:
            return connection
        try:
            return await self._taken(over)
        except BaseException:
            self._release(from_transaction=for_transaction)
            raise

    async def give_back(self, connection: Connection, *, from_transaction: bool = False) -> None:
        """Hand it on when it is good; else the pool drops it, or rolls back what was left open on it."""
        if connection.pgconn.transaction_status == TransactionStatus.IDLE and connection.made_at > self._renewed_at:
            self.good_at = time.monotonic()
            self._free_for_transactions += from_transaction
            # A caller that asks the pool, which may be able to make none, waits longer than those here.
            if not self._asking and self._next_gets(connection):
                return
            self._free_for_transactions -= from_transaction
        try:
            await self._pool.putconn(connection)
        finally:
            self._release(from_transaction=from_transaction)

    def renew(self) -> None:
        """Let every connection that is lent now be replaced when it comes back."""
        self._renewed_at = time.monotonic()

    async def _taken(self, over: float) -> Connection:
        """Take one out of the pool, which gives up connecting after a while, and begins again when it is asked."""
        # Known to be away, it is not asked at all: else those who wait would find out one after another.
        while not self._is_away():
            self._asking += 1
            try:
                connection = await self._pool.getconn(min(ASK_AGAIN, self._timeout))
            except PoolTimeout:
                if time.monotonic() >= over:
                    raise
                continue
            finally:
                self._asking -= 1
            if connection.pgconn.status == ConnStatus.OK:
                return connection
            # It broke while it was idle; the pool makes another one.
            await self._pool.putconn(connection)
            if time.monotonic() >= over:
                raise PoolTimeout
        raise PoolTimeout

    def _release(self, *, from_transaction: bool) -> None:
        """Give the right to take a connection out of the pool to whoever waits longest, or keep it."""
        self._free_for_transactions += from_transaction
        if not self._next_gets(None):
            self._free += 1

    def _next_gets(self, connection: Connection | None) -> bool:
        """Hand over to whoever waits longest of those who may have one now; say whether there was anybody."""
        while (queue := self._next_queue()) is not None:
            future = queue.popleft().future
            if not future.done():
                self._free_for_transactions -= queue is self._transactions
                future.set_result(connection)
                return True
        return False

    def _next_queue(self) -> deque[Waiting] | None:
        readers, transactions = self._readers, self._transactions if self._free_for_transactions else None
        if not transactions:
            return readers or None
        return readers if readers and readers[0].since <= transactions[0].since else transactions

    async def _handed_over(self, *, for_transaction: bool) -> Connection | None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Connection | None] = loop.create_future()
        (self._transactions if for_transaction else self._readers).append(Waiting(loop.time(), future))
        timer = loop.call_later(self._timeout, _refuse, future)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled() and future.exception() is None:
                # Handed over and cancelled at the same moment.
                connection = future.result()
                if connection is None:
                    self._release(from_transaction=for_transaction)
                else:
                    await self.give_back(connection, from_transaction=for_transaction)
            raise
        finally:
            timer.cancel()


def _refuse(future: "asyncio.Future[Connection | None]") -> None:
    if not future.done():
        future.set_exception(PoolTimeout())
