"""Record types: the functions that a domain provides for code that handles records of every kind.

Record transactions, the audit and subscriptions handle all records, and a domain imports no other. So a domain declares
a `RecordType` for each of its tables with `x-record` in its `records.py`, which is found by its file name.
"""

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Table, select

from accord.context import SignedIn, SignedInContext
from accord.contract.records import kinds
from accord.database.reader import Reader
from accord.database.rows import check_row
from accord.database.transaction import Transaction


class RecordRow(Protocol):
    """The columns that every row of a record has."""

    @property
    def id(self) -> UUID:
        """The id."""
        ...

    @property
    def version(self) -> int:
        """The version, 1 when created."""
        ...


Row = TypeVar("Row", bound=RecordRow)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RecordType(Generic[Row]):
    """The table of a record, and the functions of its domain; None where the contract has no such operation."""

    table: Table
    row: type[Row]
    readable: Callable[[Reader, SignedIn, Sequence[str]], Awaitable[list[Row]]]
    """Returns the records with these ids that the caller may read."""
    writable: Callable[[Transaction, SignedIn, Sequence[str]], Awaitable[list[Row]]] | None = None
    """Returns the records with these ids that the caller may change, locked in the order of their ids."""
    lists: Callable[[Row], list[str]] | None = None
    """Returns the live keys of the lists under which a change of the record is announced."""
    create: Callable[[SignedInContext, UUID, Mapping[str, Any]], Awaitable[object]] | None = None
    """Writes a new record with this id and these fields, and its journal entry."""
    delete: Callable[[SignedInContext, str, int], Awaitable[None]] | None = None
    """Deletes the record with this id if it is at this version; the flow of the operation does the same."""

    def __post_init__(self) -> None:
        """Check that the row type has the columns of the table."""
        check_row(select(self.table), self.row)


@cache
def record_type(table: str) -> RecordType[Any]:
    """Return the record type of a table whose records the contract describes."""
    domain = kinds()[table].read.domain
    return declared(importlib.import_module(f"accord.flows.{domain}.records"))[table]


def declared(module: ModuleType) -> dict[str, RecordType[Any]]:
    """Return the record types of a domain's `records.py`, by table."""
    found: list[RecordType[Any]] = [value for value in vars(module).values() if isinstance(value, RecordType)]
    return {each.table.name: each for each in found}
