"""SQLAlchemy statements compiled once, at import, into the text and parameter order that psycopg prepares.

Compiling per call, as SQLAlchemy's session does, costs several times the statement itself.
"""

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import ClauseElement
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.compiler import SQLCompiler

_dialect = PGDialect_psycopg(paramstyle="format")


class Statement:
    """A statement and the order of its parameters; rows come back as named tuples."""

    __slots__ = ("_defaults", "_make_row", "_names", "_wrap", "sql")

    def __init__(self, statement: ClauseElement) -> None:
        """Compile now, so that a mistake in a statement fails at start."""
        compiled = statement.compile(dialect=_dialect)
        if not isinstance(compiled, SQLCompiler) or compiled.positiontup is None:
            message = f"cannot be executed with positional parameters: {statement}"
            raise TypeError(message)
        # psycopg sends bytes as they are, and would encode a text for every execution.
        self.sql = str(compiled).encode()
        self._names = tuple(compiled.positiontup)
        self._defaults = {name: value for name, value in compiled.params.items() if value is not None}
        self._wrap = [
            (index, Jsonb) for index, name in enumerate(self._names) if isinstance(compiled.binds[name].type, JSONB)
        ]
        self._make_row: Callable[[Sequence[Any]], Any] | None = None

    def parameters(self, values: dict[str, Any]) -> list[Any]:
        """Return the values in the order of the placeholders; raise KeyError when one is missing."""
        defaults = self._defaults
        ordered = [values[name] if name in values else defaults[name] for name in self._names]
        for index, wrap in self._wrap:
            ordered[index] = wrap(ordered[index])
        return ordered

    def row(self, cursor: Any, values: Sequence[Any]) -> Any:
        """Return the values as a named tuple of this statement's columns."""
        make = self._make_row
        if make is None:
            columns = [column.name for column in cursor.description]
            # The columns are known at run time only.
            make = self._make_row = namedtuple("Row", columns)._make  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]
        return make(values)
