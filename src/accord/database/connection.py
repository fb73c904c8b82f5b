"""A connection that runs compiled statements: each prepared once, as many as are given in one round trip.

psycopg's cursors send each statement by itself and convert its text anew, and its own pipelines cost more than they
save. Here libpq's pipeline mode is used through `psycopg.pq`, so that BEGIN travels with the first statement of a
transaction and COMMIT with the last. Connecting, waiting, cancelling, adapting values and naming errors stay psycopg's.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import AsyncConnection, errors, generators
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.rows import AsyncRowFactory, tuple_row

from accord.database.statement import Statement

_FAILED = ExecStatus.FATAL_ERROR
_DONE = ExecStatus.COMMAND_OK
_SYNCED = ExecStatus.PIPELINE_SYNC
_STALE = (errors.FeatureNotSupported, errors.InvalidSqlStatementName)
"""What a server says of a statement that was prepared before a migration, or that somebody discarded."""

Call = tuple[Statement, Mapping[str, Any]]


class Outcome(NamedTuple):
    """What a statement came to: its rows, how many it returned or changed, and the server's word for what it did."""

    rows: list[Any]
    touched: int
    tag: bytes


class Connection(AsyncConnection[tuple[Any, ...]]):
    """psycopg's connection, and a short way for compiled statements."""

    def __init__(self, pgconn: PGconn, row_factory: AsyncRowFactory[tuple[Any, ...]] = tuple_row) -> None:
        """Begin with nothing prepared."""
        super().__init__(pgconn, row_factory)
        self._compiled: dict[Statement, _Compiled] = {}

    async def run(self, *calls: Call) -> list[Outcome]:
        """Run the statements in order; raise the error of the first that fails, and skip those after it."""
        known = [self._known(statement) for statement, _ in calls]
        # A value that cannot be sent must be found before anything is.
        parameters = [one.encoded(values) for one, (_, values) in zip(known, calls, strict=True)]
        new = [one for one in dict.fromkeys(known) if not one.is_prepared]
        self.pgconn.enter_pipeline_mode()
        try:
            for one in new:
                self.pgconn.send_prepare(one.statement.name, one.statement.sql)
            for one, values in zip(known, parameters, strict=True):
                self.pgconn.send_query_prepared(one.statement.name, values)
            self.pgconn.pipeline_sync()
            results = await self.wait(_exchange(self.pgconn, new))
        finally:
            self._leave_pipeline()
        for result in results:
            if result.status == _FAILED:
                raise self._error(result)
        return [one.outcome(result) for one, result in zip(known, results[len(new) :], strict=True)]

    def _known(self, statement: Statement) -> "_Compiled":
        known = self._compiled.get(statement)
        if known is None:
            known = self._compiled[statement] = _Compiled(statement, self)
        return known

    def _error(self, result: PGresult) -> psycopg.Error:
        error = errors.error_from_result(result)
        if isinstance(error, _STALE):
            # The pool replaces this connection by one that prepares anew.
            self.pgconn.finish()
        return error

    def _leave_pipeline(self) -> None:
        """Return to psycopg's own mode; after an interrupted exchange the connection is good for nothing."""
        if self.pgconn.status == ConnStatus.OK:
            try:
                self.pgconn.exit_pipeline_mode()
            except psycopg.Error:
                self.pgconn.finish()


class _Compiled:
    """A statement as one connection has it: whether the server knows it, and how its values are adapted."""

    __slots__ = ("_adapter", "_has_loaders", "is_prepared", "statement")

    def __init__(self, statement: Statement, connection: Connection) -> None:
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


def _exchange(pgconn: PGconn, new: Sequence[_Compiled]) -> PQGen[list[PGresult]]:
    """Send what is queued, and collect one result for each command; psycopg waits for the socket in between.

    When the caller is cancelled, psycopg cancels the statement and runs this to its end all the same, so here is the
    place to note what the server has prepared.
    """
    yield from generators.send(pgconn)
    results: list[PGresult] = []
    while True:
        found = yield from generators.fetch_many(pgconn)
        if found and found[0].status == _SYNCED:
            break
        results += found
    for one, result in zip(new, results, strict=False):
        one.is_prepared = result.status == _DONE
    return results
