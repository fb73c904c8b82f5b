"""SQLAlchemy statements compiled once, at import, into the text and parameter order that connections prepare.

Compiling per call, as SQLAlchemy's session does, costs several times the statement itself.
"""

import itertools
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar, overload

import orjson
from psycopg.adapt import PyFormat
from psycopg.pq.abc import PGresult
from psycopg.types.json import Jsonb, set_json_loads
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.compiler import SQLCompiler

from accord.database.rows import check_row

Row = TypeVar("Row")

_dialect = PGDialect_psycopg(paramstyle="numeric_dollar")
_numbers = itertools.count(1)
_jsonb = partial(Jsonb, dumps=orjson.dumps)
# PostgreSQL gives 1e20 back as digits. The parser of the standard library makes an integer of them, which is beyond 64
# bits and which orjson does not write: the journal, or a response, could not have the value again.
set_json_loads(orjson.loads)


class Statement(Generic[Row]):
    """A statement, the name it is prepared under, and the order of its parameters.

    `Statement(select(users), UserRow)` returns rows of this NamedTuple, which is checked against the columns. Without
    a row type the type checker refuses every column of its rows: it is for statements that return none.
    """

    __slots__ = ("_defaults", "_make_row", "_names", "_wrap", "formats", "name", "sql")

    @overload
    def __init__(self: "Statement[object]", statement: ClauseElement) -> None: ...

    @overload
    def __init__(self, statement: ClauseElement, row: type[Row]) -> None: ...

    def __init__(self, statement: ClauseElement, row: type[Any] | None = None) -> None:
        """Compile now, so that a mistake in a statement or its row type fails at start."""
        compiled = statement.compile(dialect=_dialect)
        if not isinstance(compiled, SQLCompiler) or compiled.positiontup is None:
            message = f"cannot be executed with positional parameters: {statement}"
            raise TypeError(message)
        if row is not None:
            check_row(statement, row)
        self.name = b"accord_%d" % next(_numbers)
        self.sql = str(compiled).encode()
        if self.sql.lstrip()[:4].upper() == b"COPY":
            # libpq would return the same result of it for ever, and the process would stand still.
            message = "COPY needs psycopg's `copy`, on an acquired connection."
            raise TypeError(message)
        self._names = tuple(compiled.positiontup)
        self._defaults = {name: value for name, value in compiled.params.items() if value is not None}
        self._wrap = [
            (index, _jsonb) for index, name in enumerate(self._names) if isinstance(compiled.binds[name].type, JSONB)
        ]
        # As text every value fits the type that the statement gives its parameter, whatever its size.
        self.formats = [PyFormat.TEXT] * len(self._names)
        self._make_row: Callable[[Sequence[Any]], Any] | None = None if row is None else row._make

    def parameters(self, values: Mapping[str, Any]) -> list[Any]:
        """Return the values in the order of the placeholders; raise KeyError when one is missing."""
        defaults = self._defaults
        ordered = [values[name] if name in values else defaults[name] for name in self._names]
        for index, wrap in self._wrap:
            ordered[index] = wrap(ordered[index])
        return ordered

    def row_maker(self, result: PGresult) -> Callable[[Sequence[Any]], Any]:
        """Return what makes a row of this statement's columns."""
        make = self._make_row
        if make is None:
            columns = [(result.fname(index) or b"").decode() for index in range(result.nfields)]
            # Without a row type the columns are known at run time only.
            make = self._make_row = namedtuple("Row", columns)._make  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]
        return make
