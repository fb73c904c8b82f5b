"""The database: statements in autocommit, connections for transactions, and healing after a restart."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakSet

import psycopg
from sqlalchemy import text

from accord.database.autocommit import Autocommit, Bounded
from accord.database.connection import Call, Connection, Outcome, cut
from accord.database.errors import Errors, is_gone, words_of
from accord.database.pool import NoConnection, Pool
from accord.database.session import CONNECT, ReadOnly, Session
from accord.database.statement import Statement
from accord.problems import Problem, ServiceUnavailable
from accord.telemetry import logs

ACQUIRE_TIMEOUT = 5.0
"""Seconds to wait for a free connection before the request is refused with 503."""
STILL_TIMEOUT = 3.0
"""Seconds that an open transaction may do nothing: a frozen process must not hold its locks, nor the sequencer up."""
LOCK_WAIT = 4.0
"""Seconds that a statement waits for a lock before the request is refused with 503.

The time is longer than a frozen process of ours keeps a lock (STILL_TIMEOUT) and than PostgreSQL takes to find a
deadlock, and shorter than others wait for the connection that it holds (ACQUIRE_TIMEOUT).
"""
BACKGROUND_TIMEOUT = 10.0
"""Seconds that a statement of background work may take: following stands still for no longer than that (I-11h)."""
OPEN_TIMEOUT = 10.0
"""Seconds to wait at start for the server to let the first connection in."""
CUT_INTERVAL = 0.05
"""Seconds in which callers notice that the pool closes, before their connections are closed under them."""
HEAL_INTERVAL = 0.5
"""Seconds between looks at a server that went away."""
WATCH_INTERVAL = 0.25
"""Seconds between looks at connections that ended without a word of the event loop."""
WORKS_ON_LIMIT = 1.0
"""Seconds within which a connection must respond when no new one can be opened."""

WRITE_INTERVAL = 1.0
"""Seconds for which a write that succeeded, or failed, speaks for the next ones that probes would try."""

# A result that is larger than its memory goes to a file of its own beside the tables: a full disk is noticed before
# a request needs it, and no row, catalog or transaction id is spent on it.
_WRITE_SOMETHING = (
    b"SET LOCAL work_mem = '64kB'; SET LOCAL temp_tablespaces = '';"
    b" SELECT count(*) > 0 AND current_setting('transaction_read_only') = 'on' FROM generate_series(1, 5000)"
)
_ALIVE: Call = (Statement(text("SELECT 1 AS alive")), {})


class Database(Autocommit):
    """PostgreSQL behind a pool. Requests use it as it is, within their deadlines; background work uses `background`."""

    def __init__(
        self,
        url: str,
        size: int,
        statement_timeout: float = 60.0,
        kind: type[Connection] | None = None,
        *,
        for_reading: bool = False,
        background_timeout: float = BACKGROUND_TIMEOUT,
        acquire_timeout: float = ACQUIRE_TIMEOUT,
        lock_wait: float = LOCK_WAIT,
        still_timeout: float = STILL_TIMEOUT,
    ) -> None:
        """Take a libpq URL, the number of connections, the server's limit per statement in seconds, and their class.

        For reading, a server that refuses writes will do. The other limits are in seconds, as above.
        """
        self.background = self.bounded(background_timeout)
        """The database for work without a deadline: a backend that stands still costs its connection alone."""
        settings = {
            "statement_timeout": f"{int(statement_timeout * 1000)}ms",
            "idle_in_transaction_session_timeout": f"{int(still_timeout * 1000)}ms",
            "lock_timeout": f"{int(lock_wait * 1000)}ms",
            "timezone": "UTC",
            # Statements name the schema of each table; extensions of an app are found whatever the role's own path is.
            "search_path": "public",
            # The isolation of two writers is decided here, not by a default of the server.
            "default_transaction_isolation": "read committed",
        }
        self._session = Session(settings, for_reading=for_reading)
        self._kind = kind or Connection
        self._url = url
        self._away = False
        self._was_moved = False
        self._errors = Errors()
        self._wrote_at = float("-inf")
        self._cannot_write: Problem | None = None
        self._pool = Pool(self._connect, size, acquire_timeout, lambda: self._away)
        self._looking: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._opened: WeakSet[Connection] = WeakSet()

    async def open(self) -> None:
        """Connect; raise ServiceUnavailable when no connection can be had."""
        try:
            await self._pool.open(time.monotonic() + OPEN_TIMEOUT)
        except psycopg.Error as error:
            raise ServiceUnavailable from error
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Close every connection, also those that callers still have."""
        for task in (self._looking, self._watching):
            if task is not None:
                task.cancel()
        await self._pool.close()
        in_use = [connection for connection in self._opened if not connection.closed]
        for connection in in_use:
            cut(connection.pgconn)
        if in_use:
            await asyncio.sleep(CUT_INTERVAL)
        for connection in in_use:
            connection.discard()

    def bounded(self, seconds: float) -> Bounded:
        """Return the database for background work of which a statement may take so many seconds."""
        return Bounded(self, seconds)

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """Acquire a connection in autocommit; errors of the server come out as problems."""
        connection = await self.acquire()
        try:
            yield connection
        except psycopg.Error as error:
            raise self.problem(error) from error
        finally:
            self.release(connection)

    async def acquire(self, *, for_transaction: bool = False) -> Connection:
        """Take a connection; raise ServiceUnavailable when the server is away or all are busy."""
        if self._away:
            raise ServiceUnavailable
        try:
            return await self._pool.acquire(for_transaction=for_transaction)
        except (NoConnection, psycopg.Error) as error:
            self._suspect()
            raise ServiceUnavailable from error

    def release(self, connection: Connection, *, from_transaction: bool = False) -> None:
        """Give a connection back; what is open on it is rolled back, and one that broke is replaced."""
        self._pool.release(connection, from_transaction=from_transaction)

    async def ping(self) -> None:
        """Raise ServiceUnavailable unless the server responds, takes writes, and has room for them."""
        async with self.connection() as connection:
            if time.monotonic() - self._wrote_at >= WRITE_INTERVAL:
                self._wrote_at = time.monotonic()
                self._cannot_write = await self._write_problem(connection)
            else:
                await connection.execute(b"SELECT 1", prepare=False)
        if self._cannot_write is not None:
            raise self._cannot_write

    async def _write_problem(self, connection: Connection) -> Problem | None:
        try:
            cursor = await connection.execute(_WRITE_SOMETHING, prepare=False)
            while cursor.nextset():
                pass
            if await cursor.fetchone() == (True,):
                raise ReadOnly
        except psycopg.Error as error:
            problem = self.problem(error)
            problem.__cause__ = error
            return problem
        return None

    def statistics(self) -> dict[str, int]:
        """Return how many connections exist and are idle, and how many requests wait."""
        return self._pool.statistics()

    def problem(self, error: psycopg.Error) -> Problem:
        """Translate an error of the server or the connection into a problem."""
        problem = self._errors.problem(error)
        if is_gone(error):
            self._was_moved = self._was_moved or isinstance(error, psycopg.errors.ReadOnlySqlTransaction)
            self._suspect()
        return problem

    async def _run(self, statement: Statement[Any], values: Mapping[str, Any]) -> Outcome:
        connection = await self.acquire()
        try:
            return (await connection.run((statement, values)))[0]
        except psycopg.Error as error:
            raise self.problem(error) from error
        finally:
            self.release(connection)

    async def _connect(self) -> Connection:
        # psycopg deallocates its prepared statements with every ROLLBACK, and all that we prepared with them.
        connection = await self._kind.connect(self._url, autocommit=True, prepare_threshold=None, **CONNECT)
        try:
            await self._session.begin(connection)
        except BaseException:
            connection.discard()
            raise
        self._opened.add(connection)
        return connection

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_INTERVAL)
            self._pool.close_unused()
            for connection in tuple(self._opened):
                try:
                    connection.look_again()
                except Exception as error:  # noqa: BLE001 - one connection must not keep the others from being seen
                    logs.exception("A connection could not be looked at.", error)

    def _suspect(self) -> None:
        """Find out whether the server is away; a pool whose connections are all busy has the same symptoms."""
        if not self._pool.is_closed and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """While the server is away, let requests be refused at once; then replace the connections that it had."""
        while (reason := await self._reason_to_wait()) is not None:
            if not self._away:
                logs.warning(
                    "PostgreSQL is away; requests that need it are refused until it responds.", reason=words_of(reason)
                )
            self._away = True
            await asyncio.sleep(HEAL_INTERVAL)
        if self._away:
            logs.info("PostgreSQL is back.")
        elif not self._was_moved:
            return
        self._away = self._was_moved = False
        # Connections that still work may lead to a server that takes no more writes.
        self._pool.renew()

    async def _reason_to_wait(self) -> Exception | None:
        """Return what keeps new connections from being made; None when they can, or when the others work on."""
        started = time.monotonic()
        try:
            (await self._connect()).discard()
        except ReadOnly as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, looking must go on until it is over
            if self._away or not await self._works_on(started):
                return error
            logs.warning("No further connection to PostgreSQL can be made.", reason=words_of(error))
        return None

    async def _works_on(self, since: float) -> bool:
        """Return whether the open connections still respond."""
        try:
            async with asyncio.timeout(WORKS_ON_LIMIT):
                connection = await self._pool.acquire()
                try:
                    await connection.run(_ALIVE)
                finally:
                    self.release(connection)
        except (NoConnection, psycopg.Error, TimeoutError):
            return self._pool.good_at > since
        return True
