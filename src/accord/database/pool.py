"""The connections of one process: at most so many, each with one caller at a time, the longest waiter next.

A connection that comes back goes straight to the next waiter. Waiters that hold a place but can open no connection,
because the server takes no more of them, get the first one that comes back.

Transactions never get all connections: those that wait for each other's rows would keep every reader waiting.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

import psycopg
from psycopg.pq import ConnStatus, TransactionStatus

from accord.database.connection import Connection, cut
from accord.database.errors import words_of
from accord.telemetry import logs

TRY_AGAIN = 0.5
"""Seconds after which a caller that could open no connection tries again."""
READERS_SHARE = 5
"""One connection in so many, and one at least where there are two, is never given to a transaction."""
_SETTLED = (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)
"""Nothing is to be rolled back: no transaction is open, or the connection is gone and its transaction with it."""
MAX_LIFETIME = 3600.0
"""Seconds after which a connection is replaced, so that the memory of its backend is given back."""
MAX_IDLE = 600.0
"""Seconds after which a connection that no caller needed is closed."""
RESET_TIMEOUT = 2.0
"""Seconds that a rollback may take before the connection is closed instead."""


class NoConnection(Exception):
    """No connection came free in time, or the server is away."""


class Waiter(NamedTuple):
    """A caller in a queue, and since when: its future becomes a connection, or None for the right to open one."""

    since: float
    future: "asyncio.Future[Connection | None]"


class Pool:
    """Opens connections when callers need them, up to a limit, and gives each to one caller at a time."""

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], limit: int, timeout: float, is_away: Callable[[], bool]
    ) -> None:
        """Take how to open one, the limit, the seconds that a caller waits, and whether the server is away."""
        self._connect = connect
        self._is_away = is_away
        self._places = limit
        self._places_for_transactions = limit - min(limit - 1, max(1, limit // READERS_SHARE))
        self._timeout = timeout
        self._idle: list[Connection] = []
        self._open = 0
        self.is_closed = False
        self._renewed_at = float("-inf")
        self.good_at = float("-inf")
        """When a connection came back that worked, by the monotonic clock."""
        self._readers: deque[Waiter] = deque()
        self._transactions: deque[Waiter] = deque()
        self._with_place: deque[asyncio.Future[Connection]] = deque()
        self._resets: set[asyncio.Task[None]] = set()

    def statistics(self) -> dict[str, int]:
        """Return how many connections are open and idle, and how many callers wait."""
        waiting = len(self._readers) + len(self._transactions) + len(self._with_place)
        return {"size": self._open, "available": len(self._idle), "waiting": waiting}

    async def open(self, until: float) -> None:
        """Open the first connection; raise the last psycopg.Error when none can be had until then."""
        while True:
            try:
                self._idle.append(await self._opened())
            except psycopg.Error:
                if time.monotonic() >= until:
                    raise
                await asyncio.sleep(TRY_AGAIN)
            else:
                return

    async def close(self) -> None:
        """Close the idle connections, and the others when they come back; refuse the callers that wait."""
        self.is_closed = True
        for waiter in (*self._readers, *self._transactions):
            _refuse(waiter.future)
        self.renew()
        await asyncio.sleep(0)  # A task that is cancelled before it begins never gives its connection back.
        for reset in self._resets:
            reset.cancel()  # The end of a connection rolls back, too, and needs no response of a frozen server.
        if self._resets:
            await asyncio.wait(self._resets, timeout=RESET_TIMEOUT)

    async def acquire(self, *, for_transaction: bool = False) -> Connection:
        """Return a connection. Raises NoConnection, and whatever connecting raises."""
        until = time.monotonic() + self._timeout
        if self._places and (self._places_for_transactions or not for_transaction):
            self._places -= 1
            self._places_for_transactions -= for_transaction
        elif self.is_closed:
            raise NoConnection
        elif (connection := await self._handed_over(for_transaction=for_transaction)) is not None:
            return connection
        try:
            return await self._idle_or_new(until)
        except BaseException:
            self._free_place(from_transaction=for_transaction)
            raise

    def release(self, connection: Connection, *, from_transaction: bool = False) -> None:
        """Give it to the next waiter; an open transaction is rolled back before, a broken connection is replaced."""
        if self.is_closed or connection.pgconn.transaction_status in _SETTLED:
            self._pass_on(connection, from_transaction=from_transaction)
        else:
            reset = asyncio.create_task(self._reset(connection, from_transaction=from_transaction))
            self._resets.add(reset)
            reset.add_done_callback(self._resets.discard)

    def renew(self) -> None:
        """Let no connection that is open now be used again."""
        self._renewed_at = time.monotonic()
        while self._idle:
            self._discard(self._idle.pop())

    def close_unused(self) -> None:
        """Close the connection that was idle longest, if that is longer than MAX_IDLE."""
        # The last one that came back is the next to be used, so the first of the list was idle longest.
        if len(self._idle) > 1 and time.monotonic() - self._idle[0].idle_since > MAX_IDLE:
            self._discard(self._idle.pop(0))

    async def _idle_or_new(self, until: float) -> Connection:
        # While the server is known to be away no caller tries: they would find out one after another.
        while not (self._is_away() or self.is_closed):
            while self._idle:
                connection = self._idle.pop()
                if connection.pgconn.status == ConnStatus.OK:
                    return connection
                self._discard(connection)
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    return await self._opened()
            except TimeoutError:
                raise NoConnection from None
            except psycopg.OperationalError:
                # The server may take no further one, while those that are open work.
                if not self._open or time.monotonic() >= until:
                    raise
            if (connection := await self._returned()) is not None:
                return connection
        raise NoConnection

    async def _opened(self) -> Connection:
        connection = await self._connect()
        self._open += 1
        if self.is_closed:
            self._discard(connection)
            raise NoConnection
        return connection

    async def _returned(self) -> Connection | None:
        """Wait a moment for a connection that another caller gives back."""
        future: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._with_place.append(future)
        try:
            await asyncio.wait([future], timeout=TRY_AGAIN)
        except asyncio.CancelledError:
            if future.done():
                # The place of the caller goes to the next one, who finds the connection idle.
                self._keep(future.result())
            raise
        finally:
            if future in self._with_place:
                self._with_place.remove(future)
        return future.result() if future.done() else None

    def _pass_on(self, connection: Connection, *, from_transaction: bool) -> None:
        now = connection.idle_since = time.monotonic()
        is_old = connection.made_at <= max(self._renewed_at, now - MAX_LIFETIME)
        if self.is_closed or is_old or connection.pgconn.status != ConnStatus.OK:
            self._discard(connection)
            self._free_place(from_transaction=from_transaction)
            return
        self.good_at = now
        if self._with_place:
            self._with_place.popleft().set_result(connection)
            self._free_place(from_transaction=from_transaction)
            return
        self._places_for_transactions += from_transaction
        if not self._next_gets(connection):
            self._keep(connection)
            self._places += 1

    def _keep(self, connection: Connection) -> None:
        if self.is_closed or connection.pgconn.status != ConnStatus.OK:
            self._discard(connection)
            return
        # After a statement of psycopg nothing would tell that the connection ended.
        connection.listen()
        self._idle.append(connection)

    async def _reset(self, connection: Connection, *, from_transaction: bool) -> None:
        """Roll back what was left open; a connection on which a statement still runs is closed."""
        try:
            if connection.pgconn.transaction_status != TransactionStatus.ACTIVE:
                await self._roll_back(connection)
        finally:
            if connection.pgconn.transaction_status != TransactionStatus.IDLE:
                connection.discard()
            self._pass_on(connection, from_transaction=from_transaction)

    async def _roll_back(self, connection: Connection) -> None:
        rollback = asyncio.create_task(connection.rollback())
        try:
            await asyncio.wait({rollback}, timeout=RESET_TIMEOUT)
            if not rollback.done():
                logs.warning("A connection could not be rolled back in time.", seconds=RESET_TIMEOUT)
            elif (error := rollback.exception()) is not None:
                logs.warning("A connection could not be rolled back.", reason=words_of(error))
        finally:
            if not rollback.done():
                # A cancelled rollback would ask the server for seconds to cancel the statement.
                cut(connection.pgconn)
                await asyncio.gather(rollback, return_exceptions=True)

    def _discard(self, connection: Connection) -> None:
        self._open -= 1
        connection.discard()

    def _free_place(self, *, from_transaction: bool) -> None:
        """Give the right to open a connection to the longest waiter, or keep it."""
        self._places_for_transactions += from_transaction
        if not self._next_gets(None):
            self._places += 1

    def _next_gets(self, connection: Connection | None) -> bool:
        """Hand over to the longest waiter of those that may have one now; return whether there was any."""
        while (queue := self._next_queue()) is not None:
            future = queue.popleft().future
            if not future.done():
                self._places_for_transactions -= queue is self._transactions
                future.set_result(connection)
                return True
        return False

    def _next_queue(self) -> deque[Waiter] | None:
        readers, transactions = self._readers, self._transactions if self._places_for_transactions else None
        if not transactions:
            return readers or None
        return readers if readers and readers[0].since <= transactions[0].since else transactions

    async def _handed_over(self, *, for_transaction: bool) -> Connection | None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Connection | None] = loop.create_future()
        queue, waiter = self._transactions if for_transaction else self._readers, Waiter(loop.time(), future)
        queue.append(waiter)
        timer = loop.call_later(self._timeout, _refuse, future)
        try:
            return await future
        except asyncio.CancelledError:
            if not future.cancelled() and future.exception() is None:
                # Handed over and cancelled at the same moment.
                connection = future.result()
                if connection is None:
                    self._free_place(from_transaction=for_transaction)
                else:
                    self.release(connection, from_transaction=for_transaction)
            elif waiter in queue:
                queue.remove(waiter)
            raise
        except NoConnection:
            with suppress(ValueError):  # The pool's close refuses waiters, too.
                queue.remove(waiter)
            raise
        finally:
            timer.cancel()


def _refuse(future: "asyncio.Future[Connection | None]") -> None:
    if not future.done():
        future.set_exception(NoConnection())
