"""Record types: what the domain of a record provides for code that handles records of every kind.

Transactions, the audit and those who follow changes handle all records, and a domain imports no other. So a domain
declares a `RecordType` for each of its tables with `x-record` in its `records.py`, which is found by its file name.
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
    """What every row of a record has."""

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
    """The table of a record, and the functions that its domain provides; what the contract does not allow is None."""

    table: Table
    row: type[Row]
    readable: Callable[[Reader, SignedIn, Sequence[str]], Awaitable[list[Row]]]
    """Returns those of the records with these ids that the caller may read."""
    writable: Callable[[Transaction, SignedIn, Sequence[str]], Awaitable[list[Row]]] | None = None
    """Returns those that the caller may change, locked in the order of their ids."""
    lists: Callable[[Row], list[str]] | None = None
    """Returns the keys of the lists under which a change of the record is announced."""
    create: Callable[[SignedInContext, UUID, Mapping[str, Any]], Awaitable[object]] | None = None
    """Writes a new record with this id and these fields, and its journal entry."""
    delete: Callable[[SignedInContext, str, int], Awaitable[None]] | None = None
    """Deletes the record with this id if it is at this version; the flow of the operation does."""

    def __post_init__(self) -> None:
        """Refuse a row type that differs from the table."""
        check_row(select(self.table), self.row)


@cache
def record_type(table: str) -> RecordType[Any]:
    """Return the record type of a table that the contract has a record for."""
    domain = kinds()[table].read.domain
    return declared(importlib.import_module(f"accord.flows.{domain}.records"))[table]


def declared(module: ModuleType) -> dict[str, RecordType[Any]]:
    """Return the record types of a domain's `records.py`, by table."""
    found: list[RecordType[Any]] = [value for value in vars(module).values() if isinstance(value, RecordType)]
    return {each.table.name: each for each in found}
