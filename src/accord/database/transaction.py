"""The transaction of a flow: begun with its first statement, ended by dispatch."""

import asyncio
from typing import Any

import psycopg

from accord.database.pool import Connection, Database, all_rows, one
from accord.database.statement import Statement


class Transaction:
    """Statements of one transaction, on one connection that is borrowed when the first of them runs."""

    __slots__ = ("_connection", "_database")

    def __init__(self, database: Database) -> None:
        """Borrow nothing yet: a flow that refuses before it writes never opens a transaction."""
        self._database = database
        self._connection: Connection | None = None

    async def one(self, statement: Statement, **values: Any) -> Any:
        """Return the first row, or None."""
        connection = self._connection or await self._begin()
        try:
            return await one(connection, statement, values)
        except psycopg.Error as error:
            raise self._database.problem(error) from error

    async def all(self, statement: Statement, **values: Any) -> list[Any]:
        """Return all rows."""
        connection = self._connection or await self._begin()
        try:
            return await all_rows(connection, statement, values)
        except psycopg.Error as error:
            raise self._database.problem(error) from error

    async def run(self, statement: Statement, **values: Any) -> int:
        """Return how many rows it touched."""
        connection = self._connection or await self._begin()
        try:
            return (await connection.execute(statement.sql, statement.parameters(values))).rowcount
        except psycopg.Error as error:
            raise self._database.problem(error) from error

    async def commit(self) -> None:
        """Make it durable; a transaction that never began has nothing to commit."""
        await self._end(b"COMMIT")

    async def rollback(self) -> None:
        """Undo everything; the server does so by itself when the connection is gone."""
        await self._end(b"ROLLBACK")

    async def _begin(self) -> Connection:
        connection = await self._database.borrow()
        try:
            await connection.execute(b"BEGIN")
        except BaseException as error:
            await self._give_back(connection)
            if isinstance(error, psycopg.Error):
                raise self._database.problem(error) from error
            raise
        self._connection = connection
        return connection

    async def _end(self, command: bytes) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            done = (await connection.execute(command)).statusmessage
        except psycopg.Error as error:
            raise self._database.problem(error) from error
        finally:
            await self._give_back(connection)
        if done != command.decode():
            # PostgreSQL answers COMMIT with ROLLBACK when a statement failed before and the flow went on regardless.
            message = f"{command.decode()} was answered by {done}: a failed statement was ignored"
            raise RuntimeError(message)

    async def _give_back(self, connection: Connection) -> None:
        # A cancelled request must still return its connection, and the pool rolls back whatever is open on it.
        await asyncio.shield(self._database.give_back(connection))
