"""The connection pool: statements in autocommit, connections for transactions, and healing after a restart."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from accord import logs
from accord.database.connection import Connection, Outcome
from accord.database.lending import Lending
from accord.database.statement import Statement
from accord.problems import AlreadyExists, DeadlineExceeded, Deadlock, Problem, ServiceUnavailable

BORROW_TIMEOUT = 5.0
"""Seconds to wait for a free connection before the request is refused with 503."""
STILL_TIMEOUT = 3.0
"""Seconds that an open transaction may do nothing: a frozen process must not hold its locks, nor the relay up."""
HEAL_INTERVAL = 0.5
"""Seconds between looks at a server that went away."""

# A machine that vanished says nothing: without these, a statement would wait for it until the request's deadline.
_CONNECT: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# SQLSTATEs that end a connection: class 08, and shutdowns and crashes of class 57.
_GONE = ("08", "57P")


class Database:
    """The pool. Its own `one`, `all` and `run` are single statements that commit by themselves."""

    def __init__(
        self, url: str, size: int, statement_timeout: float = 60.0, kind: type[Connection] | None = None
    ) -> None:
        """Take a libpq URL, the number of connections, the server's limit per statement in seconds, and their class."""
        options = (
            f"-c statement_timeout={int(statement_timeout * 1000)} -c timezone=UTC"
            f" -c idle_in_transaction_session_timeout={int(STILL_TIMEOUT * 1000)}"
        )
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=kind or Connection,
            min_size=min(2, size),
            max_size=size,
            open=False,
            timeout=BORROW_TIMEOUT,
            # After this the pool gives an attempt up; the next borrower, or the healer, starts a new one without delay.
            reconnect_timeout=2.0,
            kwargs={
                "autocommit": True,
                "prepare_threshold": 0,
                "options": options,
                "application_name": "accord",
                **_CONNECT,
            },
        )
        self._url = url
        self._away = False
        self._lending = Lending(self._pool, size, BORROW_TIMEOUT, lambda: self._away)
        self._looking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect; raise ServiceUnavailable when no connection can be had."""
        try:
            await self._pool.open(wait=True, timeout=10)
        except PoolTimeout as error:
            raise ServiceUnavailable from error

    async def close(self) -> None:
        """Close every connection."""
        if self._looking is not None:
            self._looking.cancel()
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """Lend a connection in autocommit; errors of the server come out as problems."""
        connection = await self.borrow()
        try:
            yield connection
        except psycopg.Error as error:
            raise self.problem(error) from error
        finally:
            await self.give_back(connection)

    async def borrow(self, *, for_transaction: bool = False) -> Connection:
        """Take a connection out of the pool; raise ServiceUnavailable when the server is away or all are busy."""
        if self._away:
            raise ServiceUnavailable
        try:
            return await self._lending.borrow(for_transaction=for_transaction)
        except (PoolTimeout, TooManyRequests, psycopg.OperationalError) as error:
            self._suspect()
            raise ServiceUnavailable from error

    async def give_back(self, connection: Connection, *, from_transaction: bool = False) -> None:
        """Put a connection back; the pool drops it when it is broken and rolls back what it left open."""
        await self._lending.give_back(connection, from_transaction=from_transaction)

    async def one(self, statement: Statement, **values: Any) -> Any:
        """Return the first row, or None."""
        rows = (await self._run(statement, values)).rows
        return rows[0] if rows else None

    async def all(self, statement: Statement, **values: Any) -> list[Any]:
        """Return all rows."""
        return (await self._run(statement, values)).rows

    async def run(self, statement: Statement, **values: Any) -> int:
        """Return how many rows it touched."""
        return (await self._run(statement, values)).touched

    async def ping(self) -> None:
        """Raise ServiceUnavailable unless the server answers."""
        async with self.connection() as connection:
            await connection.execute(b"SELECT 1")

    def statistics(self) -> dict[str, int]:
        """Return how many connections exist and are idle, and how many requests wait."""
        stats = self._pool.get_stats()
        return {name: stats.get(f"pool_{name}", 0) for name in ("size", "available")} | {
            "waiting": self._lending.waiting
        }

    def problem(self, error: psycopg.Error) -> Problem:
        """Translate what the server or the connection said into a refusal."""
        if isinstance(error, psycopg.errors.UniqueViolation):
            return AlreadyExists()
        if isinstance(error, psycopg.errors.QueryCanceled):
            return DeadlineExceeded()
        if isinstance(error, psycopg.errors.DeadlockDetected):
            return Deadlock()
        if isinstance(error, psycopg.errors.IdleInTransactionSessionTimeout):
            return ServiceUnavailable()
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            if error.sqlstate is None or error.sqlstate.startswith(_GONE):
                self._suspect()
            return ServiceUnavailable()
        raise error

    async def _run(self, statement: Statement, values: Mapping[str, Any]) -> Outcome:
        connection = await self.borrow()
        try:
            return (await connection.run((statement, values)))[0]
        except psycopg.Error as error:
            raise self.problem(error) from error
        finally:
            await self.give_back(connection)

    def _suspect(self) -> None:
        """Find out whether the server is away; a pool whose connections are all busy has the same symptoms."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """While the server is away, let requests be refused at once; then drop the connections that died with it."""
        while not await self._answers():
            if not self._away:
                logs.warning("PostgreSQL is away; requests that need it are refused until it answers.")
            self._away = True
            await asyncio.sleep(HEAL_INTERVAL)
        if self._away:
            logs.info("PostgreSQL is back.")
        self._away = False
        await self._pool.check()

    async def _answers(self) -> bool:
        try:
            connection = await Connection.connect(self._url, **_CONNECT)
            await connection.close()
        except psycopg.Error:
            return False
        return True
