"""A connection that runs compiled statements: each prepared once, as many as are given in one round trip.

psycopg's cursors send each statement by itself and convert its text anew, its pipelines cost more than they save, and
it asks the event loop for every response anew. Here libpq's pipeline mode is used through `psycopg.pq`, so that BEGIN
travels with the first statement of a transaction and COMMIT with the last, and the event loop listens to the socket
for as long as the connection lives. Connecting, cancelling, adapting values and naming errors stay psycopg's, and so
does every other use of the connection.
"""

import asyncio
import os
import select
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg
from psycopg import AsyncConnection, errors, generators
from psycopg.abc import RV, Buffer, PQGen
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import AsyncRowFactory, tuple_row
from psycopg.waiting import Wait, wait_async

from accord.database.statement import Statement

CANCEL_TIMEOUT = 5.0
"""Seconds for the server to confirm that it cancelled a statement; then the connection is given up."""

_WAIT_INTERVAL = 0.1
"""Seconds between looks at a socket that reports nothing."""

_FAILED = ExecStatus.FATAL_ERROR
_DONE = ExecStatus.COMMAND_OK
_SYNCED = ExecStatus.PIPELINE_SYNC
_STALE = (errors.FeatureNotSupported, errors.InvalidSqlStatementName, errors.ReadOnlySqlTransaction)
"""Errors of a statement that was prepared before a migration or was deallocated, and of a write to a server that has
become read-only: another connection can do better."""

Call = tuple[Statement[Any], Mapping[str, Any]]


class Outcome(NamedTuple):
    """The result of a statement: its rows, how many it returned or changed, and the server's command tag."""

    rows: list[Any]
    touched: int
    tag: bytes


class Connection(AsyncConnection[tuple[Any, ...]]):
    """psycopg's connection, and a short way for compiled statements."""

    def __init__(self, pgconn: PGconn, row_factory: AsyncRowFactory[tuple[Any, ...]] = tuple_row) -> None:
        """Begin with nothing prepared, and not listening yet."""
        super().__init__(pgconn, row_factory)
        self._compiled: dict[Statement[Any], _Compiled] = {}
        self._results: list[PGresult] = []
        self._complete: asyncio.Future[None] | None = None
        self._listens_to: int | None = None
        self._socket = select.poll()
        self.made_at = self.idle_since = time.monotonic()

    async def run(self, *calls: Call) -> list[Outcome]:
        """Run the statements in order; raise the error of the first that fails, and skip those after it."""
        known = [self._compiled.get(statement) or self._known(statement) for statement, _ in calls]
        # A value that cannot be sent must be found before anything is.
        parameters = [one.encoded(values) for one, (_, values) in zip(known, calls, strict=True)]
        new = [one for one in dict.fromkeys(known) if not one.is_prepared]
        pgconn, results = self.pgconn, []
        self._results = results
        pgconn.enter_pipeline_mode()
        try:
            for one in new:
                pgconn.send_prepare(one.statement.name, one.statement.sql)
            for one, values in zip(known, parameters, strict=True):
                pgconn.send_query_prepared(one.statement.name, values)
            pgconn.pipeline_sync()
            await self._collect()
        finally:
            # Also what was prepared for a caller that was cancelled is prepared.
            for one, result in zip(new, results, strict=False):
                one.is_prepared = result.status == _DONE
            self._leave_pipeline()
        for result in results:
            if result.status == _FAILED:
                raise self._error(result)
        return [one.outcome(result) for one, result in zip(known, results[len(new) :], strict=True)]

    async def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        """Wait as psycopg does, which listens by itself."""
        self._stop_listening()
        return await super().wait(gen, *args, **kwargs)

    async def close(self) -> None:
        """Close as psycopg does."""
        self._stop_listening()
        await super().close()

    def _known(self, statement: Statement[Any]) -> "_Compiled":
        known = self._compiled[statement] = _Compiled(statement, self)
        return known

    async def _collect(self) -> None:
        """Gather the results of everything that was sent, until the server has said that it is done."""
        if self.pgconn.flush():
            # Values that the socket does not take at once.
            try:
                await self._wait_for_rest()
            except asyncio.CancelledError:
                await self._cancel_statement()
                raise
            return
        if self.pgconn.status != ConnStatus.OK:
            # Sending found out, and closed the socket; the event loop would not report its end any more.
            raise psycopg.OperationalError("The connection broke.")
        complete = self._complete = asyncio.get_running_loop().create_future()
        self.listen()
        try:
            await complete
        except asyncio.CancelledError:
            if complete.cancelled():
                await self._cancel_statement()
            raise
        finally:
            self._complete = None

    def _readable(self) -> None:
        """Read all that is there: that the server hung up is told once, also while something is left to be read."""
        waiting = self._complete
        if waiting is not None and waiting.done():
            waiting = None
        try:
            while True:
                self.pgconn.consume_input()
                if waiting is not None and _take(self.pgconn, self._results):
                    waiting.set_result(None)
                    return
                if not self._socket.poll(0):
                    return
        except psycopg.Error as error:
            self._stop_listening()
            if waiting is not None:
                waiting.set_exception(error)

    def listen(self) -> None:
        """Have the event loop tell of what arrives, such as the end of a connection that no caller has."""
        if self._listens_to is None:
            self._listens_to = self.pgconn.socket
            asyncio.get_running_loop().add_reader(self._listens_to, self._readable)
            self._socket.register(self._listens_to, select.POLLIN)

    def look_again(self) -> None:
        """See to what the event loop did not tell: uvloop tells nothing when the server left without reading all."""
        if self._complete is not None and self._listens_to is not None and self._socket.poll(0):
            self._readable()

    def _stop_listening(self) -> None:
        if self._listens_to is not None:
            asyncio.get_running_loop().remove_reader(self._listens_to)
            self._socket.unregister(self._listens_to)
            self._listens_to = None

    async def _wait_for_rest(self, limit: float | None = None) -> None:
        """Send and take what is left within so many seconds.

        `AsyncConnection.wait` would go on wrongly with a message that was half sent when the caller was cancelled.
        """
        self._stop_listening()
        await wait_async(_remaining(self.pgconn, self._results), self.pgconn.socket, _WAIT_INTERVAL, limit)

    async def _cancel_statement(self) -> None:
        """Have the server cancel what it is at, and hear it out: else the next user would get these results."""
        try:
            await self.cancel_safe(timeout=CANCEL_TIMEOUT)
            await self._wait_for_rest(CANCEL_TIMEOUT)
        except psycopg.Error:
            self.discard()
        except BaseException:
            self.discard()
            raise

    def _error(self, result: PGresult) -> psycopg.Error:
        error = errors.error_from_result(result)
        if isinstance(error, _STALE):
            # The pool replaces this connection by one that prepares anew.
            self.discard()
        return error

    def _leave_pipeline(self) -> None:
        """Return to psycopg's own mode; after a broken exchange the connection is good for nothing."""
        try:
            self.pgconn.exit_pipeline_mode()
        except psycopg.Error:
            self.discard()
        if self.pgconn.status != ConnStatus.OK:
            self.discard()

    def discard(self) -> None:
        """Close at once, whatever state the connection is in, without waiting for the server.

        While another task may wait for a response, `cut` comes first.
        """
        # libpq may have closed the socket, whose number may be that of another one next.
        self._stop_listening()
        self.pgconn.finish()


class _Compiled:
    """A statement as one connection has it: whether the server knows it, and how its values are adapted."""

    __slots__ = ("_adapter", "_has_loaders", "is_prepared", "statement")

    def __init__(self, statement: Statement[Any], connection: Connection) -> None:
        self.statement = statement
        self.is_prepared = False
        self._adapter = Transformer(connection)
        self._has_loaders = False

    def encoded(self, values: Mapping[str, Any]) -> Sequence[Buffer | None]:
        statement = self.statement
        return self._adapter.dump_sequence(statement.parameters(values), statement.formats)

    def outcome(self, result: PGresult) -> Outcome:
        return Outcome(self._rows(result), result.command_tuples or 0, result.command_status or b"")

    def _rows(self, result: PGresult) -> list[Any]:
        if not result.nfields:
            return []
        # How the columns are read is found out once: they cannot change under a prepared statement.
        self._adapter.set_pgresult(result, set_loaders=not self._has_loaders)
        self._has_loaders = True
        return self._adapter.load_rows(0, result.ntuples, self.statement.row_maker(result))


def cut(pgconn: PGconn) -> None:
    """End a connection for which another task may wait: that task gets an error, and lets go of the socket.

    Were the socket closed under that task, the event loop would keep its number, which the next socket gets: uvloop
    refuses that socket, and asyncio stops listening to it when the task ends.
    """
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(pgconn.socket)) as same:
        same.shutdown(socket.SHUT_RDWR)


def _take(pgconn: PGconn, results: list[PGresult]) -> bool:
    """Take the results that have arrived, one for each command; say whether they are all there."""
    while not pgconn.is_busy():
        result = pgconn.get_result()
        if result is None:
            # None separates the results of two statements, and is all that comes from a connection that broke.
            if pgconn.status != ConnStatus.OK:
                raise psycopg.OperationalError("The connection broke.")
        elif result.status == _SYNCED:
            return True
        else:
            results.append(result)
    return False


def _remaining(pgconn: PGconn, results: list[PGresult]) -> PQGen[None]:
    """Send what was not sent yet, and take what has not arrived yet; psycopg waits for the socket in between."""
    yield from generators.send(pgconn)
    while not _take(pgconn, results):
        while not (yield Wait.R):
            pass
        pgconn.consume_input()
