"""Statements that commit by themselves: for requests, which have a deadline, and with a limit for background work."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection

from accord.database.connection import Connection, Outcome, cut
from accord.database.statement import Row, Statement
from accord.telemetry import logs

GRACE = 1.0
"""Seconds that a block has after its connection was shut down, before it is cancelled."""


class Autocommit(ABC):
    """Runs single statements, and acquires connections in autocommit; errors of the server come out as problems."""

    @abstractmethod
    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Acquire a connection for a block."""

    async def one(self, statement: Statement[Row], **values: Any) -> Row | None:
        """Return the first row, or None."""
        rows = (await self._run(statement, values)).rows
        return rows[0] if rows else None

    async def all(self, statement: Statement[Row], **values: Any) -> list[Row]:
        """Return all rows."""
        return (await self._run(statement, values)).rows

    async def run(self, statement: Statement[Any], **values: Any) -> int:
        """Return how many rows it touched."""
        return (await self._run(statement, values)).touched

    async def _run(self, statement: Statement[Any], values: Mapping[str, Any]) -> Outcome:
        async with self.connection() as connection:
            return (await connection.run((statement, values)))[0]


class Bounded(Autocommit):
    """The database for background work: a connection whose backend stands still is closed after so many seconds."""

    def __init__(self, database: Autocommit, seconds: float) -> None:
        """Take the database, and the seconds that a statement, or a block with a connection, may take."""
        self._database = database
        self._seconds = seconds

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Connection]:
        """Acquire a connection for a block; raise ServiceUnavailable when the block takes longer than the limit."""
        async with self._database.connection() as connection, bounded(connection, self._seconds):
            yield connection


@asynccontextmanager
async def bounded(connection: AsyncConnection[Any], seconds: float) -> AsyncGenerator[None]:
    """Shut the connection of a block down when the block takes longer, so that psycopg.OperationalError is raised.

    A backend that stands still sends neither rows nor an error, and psycopg would spend ten seconds more on asking the
    server to cancel. A block that waits for something else is cancelled after GRACE.
    """
    loop, limit, is_over = asyncio.get_running_loop(), asyncio.timeout(None), False

    def end() -> None:
        nonlocal is_over
        is_over = True
        logs.warning("A connection to PostgreSQL was shut down: no response in time.", seconds=seconds)
        cut(connection.pgconn)
        limit.reschedule(loop.time() + GRACE)

    timer = loop.call_later(seconds, end)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if limit.expired():
            message = f"The work did not end within {seconds} s."
            raise psycopg.OperationalError(message) from error
        raise
    finally:
        timer.cancel()
        if is_over:
            # A block that waited for something else has not noticed.
            await connection.close()
