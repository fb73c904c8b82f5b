"""The transaction of a flow: begun with its first statement, ended by dispatch."""

from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import text

from accord.database.connection import Call, Connection, Outcome
from accord.database.database import Database
from accord.database.statement import Row, Statement

BEGIN: Call = (Statement(text("BEGIN ISOLATION LEVEL READ COMMITTED")), {})
COMMIT: Call = (Statement(text("COMMIT")), {})
_ROLLBACK: Call = (Statement(text("ROLLBACK")), {})


class HeldTransaction(RuntimeError):
    """A flow waits for something else while its open transaction holds a connection that others wait for (I-10)."""

    def __init__(self, where: str = "Wait before it begins.") -> None:
        """Tell its author where the wait belongs."""
        super().__init__(f"Inside an open transaction a flow awaits nothing but its statements. {where}")


class NotBegun(RuntimeError):
    """A flow goes on after its first statement failed, and perhaps BEGIN with it: nothing would undo what it writes."""

    def __init__(self) -> None:
        """Tell its author what was ignored."""
        super().__init__("The transaction could not begin: a failed statement, or a problem of its key, was ignored.")


class CallFailed(RuntimeError):
    """A flow went on after a call that raised: what the called flow had written would be committed with the rest."""

    def __init__(self, operation: str) -> None:
        """Name the operation that was called."""
        super().__init__(
            f"The call of {operation} raised, and the flow went on; nothing was committed. Let the exception pass, or"
            " look before the call whether it can succeed: what a called flow wrote cannot be undone by itself."
        )


class Opening(NamedTuple):
    """Statements that travel with BEGIN; `check` gets their outcomes and raises when no other may follow."""

    calls: tuple[Call, ...]
    check: Callable[[list[Outcome]], None]


class Transaction:
    """Statements of one transaction, on one connection that is acquired when the first of them runs."""

    __slots__ = ("_connection", "_database", "_has_begun", "_last", "is_running", "opening")

    def __init__(self, database: Database) -> None:
        """Acquire nothing yet: a flow that refuses before it writes never opens a transaction."""
        self._database = database
        self._connection: Connection | None = None
        self._has_begun = False
        self._last: list[Call] = []
        self.opening: Opening | None = None
        self.is_running = False
        """Whether a statement of this transaction is under way."""

    @property
    def is_open(self) -> bool:
        """Whether it holds a connection, which others may wait for."""
        return self._connection is not None

    async def one(self, statement: Statement[Row], **values: Any) -> Row | None:
        """Return the first row, or None."""
        rows = (await self._run((statement, values))).rows
        return rows[0] if rows else None

    async def all(self, statement: Statement[Row], **values: Any) -> list[Row]:
        """Return all rows."""
        return (await self._run((statement, values))).rows

    async def run(self, statement: Statement[Any], **values: Any) -> int:
        """Return how many rows it touched."""
        return (await self._run((statement, values))).touched

    def with_commit(self, statement: Statement[Any], **values: Any) -> None:
        """Run it last, in one round trip with the commit; what it comes to is not told, but for an error."""
        self._last.append((statement, values))

    async def commit(self) -> None:
        """Make it durable; a transaction that never began has nothing to commit."""
        last, self._last = self._last, []
        if last and self._connection is None:
            try:
                last = [*await self._begin(), *last]
            except BaseException:
                await self.rollback()
                raise
        elif self._connection is not None and not self._has_begun:
            await self.rollback()
            raise NotBegun
        await self._end(*last, COMMIT)

    async def rollback(self) -> None:
        """Undo everything; the server does so by itself when the connection is gone."""
        await self._end(_ROLLBACK)

    async def _run(self, call: Call) -> Outcome:
        if self._has_begun:
            return (await self._sent([call]))[0]
        if self._connection is not None:
            raise NotBegun
        outcome = (await self._sent([*await self._begin(), call]))[-1]
        self._has_begun = True
        return outcome

    async def _begin(self) -> list[Call]:
        """Acquire a connection; return BEGIN if it can travel with the first statement of the flow."""
        self._connection = await self._database.acquire(for_transaction=True)
        if self.opening is None:
            return [BEGIN]
        self.opening.check((await self._sent([BEGIN, *self.opening.calls]))[1:])
        return []

    async def _sent(self, calls: list[Call]) -> list[Outcome]:
        assert self._connection is not None
        self.is_running = True
        try:
            return await self._connection.run(*calls)
        except psycopg.Error as error:
            raise self._database.problem(error) from error
        finally:
            self.is_running = False

    async def _end(self, *calls: Call) -> None:
        connection, self._connection, self._has_begun = self._connection, None, False
        if connection is None:
            return
        try:
            done = (await connection.run(*calls))[-1].tag
        except psycopg.Error as error:
            raise self._database.problem(error) from error
        finally:
            # Also for a request that was cancelled: what is open on the connection is rolled back.
            self._database.release(connection, from_transaction=True)
        if done != calls[-1][0].sql:
            # The response to COMMIT is ROLLBACK when a statement failed before and the flow went on regardless.
            message = f"{calls[-1][0].sql.decode()} had the response {done.decode()}: a failed statement was ignored"
            raise RuntimeError(message)
