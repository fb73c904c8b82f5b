"""Statements that commit by themselves: for requests, which have a deadline, and with a limit for background work."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import psycopg

from accord.database.connection import Connection, Outcome
from accord.database.statement import Row, Statement
from accord.telemetry import logs

TO_CLOSE = 0.05
"""Seconds between the close of a connection and the cancellation of the block that waits for its response."""


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
        async with self._database.connection() as connection:

            def close() -> None:
                logs.warning("A connection to PostgreSQL was closed: no response in time.", seconds=self._seconds)
                connection.discard()

            async with bounded(close, self._seconds):
                yield connection


@asynccontextmanager
async def bounded(close: Callable[[], object], seconds: float) -> AsyncGenerator[None]:
    """Close the connection of a block that takes longer, and raise psycopg.OperationalError.

    A backend that stands still sends neither rows nor an error. The connection is closed before the wait is cancelled:
    psycopg would spend ten seconds more on asking the server to cancel.
    """
    closing = asyncio.get_running_loop().call_later(seconds, close)
    limit = asyncio.timeout(seconds + TO_CLOSE)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if limit.expired():
            message = f"PostgreSQL did not respond within {seconds} s."
            raise psycopg.OperationalError(message) from error
        raise
    finally:
        closing.cancel()
