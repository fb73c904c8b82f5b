"""The record types that domains declare in their `records.py`, checked against the records of the contract (C-3)."""

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from operator import attrgetter
from typing import Any, NamedTuple

from accord.boot import import_errors
from accord.boot.flow_discovery import FLOWS
from accord.contract.names import snake_case
from accord.contract.records import RecordKind, record_kinds
from accord.database.schema import tables_by_name
from accord.flows.record_types import RecordType, declared


class Member(NamedTuple):
    """A function of a record type, and the part of the contract that requires it."""

    name: str
    arguments: str
    is_async: bool
    required_by: Callable[[RecordKind], object]

    def __str__(self) -> str:
        """Return the function as its author writes it."""
        return f"{self.name}=`{'async ' if self.is_async else ''}def …({self.arguments})`"


MEMBERS = (
    Member("readable", "read, caller, ids", is_async=True, required_by=attrgetter("table")),
    Member("writable", "tx, caller, ids", is_async=True, required_by=attrgetter("writable")),
    Member("lists", "row", is_async=False, required_by=attrgetter("writable")),
    Member("create", "context, record_id, fields", is_async=True, required_by=attrgetter("create_schema")),
    Member("delete", "context, record_id, expected_version", is_async=True, required_by=attrgetter("can_be_deleted")),
)


def record_problems(document: dict[str, Any]) -> Iterator[str]:
    """Yield the problems of the record types, and the fields of the contract without a column."""
    by_domain: dict[str, dict[str, RecordKind]] = {}
    for table, kind in record_kinds(document).items():
        by_domain.setdefault(kind.read.domain, {})[table] = kind
    for domain in sorted({*by_domain, *(file.parent.name for file in FLOWS.glob("*/records.py"))}):
        yield from _domain_problems(domain, by_domain.get(domain, {}))
        for kind in by_domain.get(domain, {}).values():
            yield from _column_problems(kind, document["components"]["schemas"][kind.schema])


def _domain_problems(domain: str, kinds: Mapping[str, RecordKind]) -> Iterator[str]:
    name, place = f"accord.flows.{domain}.records", f"flows/{domain}/records.py"
    try:
        types = declared(importlib.import_module(name))
    except ModuleNotFoundError as error:
        if error.name != name:
            yield _import_problem(place, error)
            return
        types = {}
    except Exception as error:  # noqa: BLE001 - the other problems are reported, too, whatever the module raises
        yield _import_problem(place, error)
        return
    for table, kind in kinds.items():
        record_type = types.pop(table, None)
        if record_type is None:
            yield f"{table}: {place} must declare `RecordType(table={table}, …)`"
        else:
            yield from _member_problems(kind, record_type, place)
    for table in types:
        yield f"{place}: declares a RecordType for {table}, which is no record of this domain; correct its table"


def _import_problem(place: str, error: Exception) -> str:
    where, reason = import_errors.told(error) or (place, f"{type(error).__name__}: {error}")
    return f"{where} cannot be imported: {reason}"


def _member_problems(kind: RecordKind, record_type: RecordType[Any], place: str) -> Iterator[str]:
    for member in MEMBERS:
        function = getattr(record_type, member.name)
        if function is None:
            if member.required_by(kind):
                yield f"{kind.table}: its RecordType in {place} must have {member}"
        elif not member.required_by(kind):
            yield f"{kind.table}: its RecordType in {place} has {member.name}, which its x-record does not allow"
        elif not _fits(function, member):
            yield f"{kind.table}: its RecordType in {place} must have {member}; {function.__name__} is another"


def _fits(function: Callable[..., object], member: Member) -> bool:
    """Say whether the function takes these arguments in this order; a parameter of another name may take any."""
    signature, arguments = inspect.signature(function), member.arguments.split(", ")
    parameters = list(signature.parameters)
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    is_in_order = all(parameters.index(name) == at for at, name in enumerate(arguments) if name in parameters)
    return is_in_order and inspect.iscoroutinefunction(function) == member.is_async


def _column_problems(kind: RecordKind, schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields that have no column: without a column, each response with such a record would be a 500."""
    table = tables_by_name().get(kind.table)
    if table is None:
        yield f"{kind.table}: no tables.py declares this table; correct x-record, or declare it"
        return
    for name in dict.fromkeys([*schema["properties"], *kind.writable]):
        if snake_case(name) not in table.c:
            yield f"{kind.table}: has no column {snake_case(name)} for {name} of {kind.schema}; add it to tables.py"
