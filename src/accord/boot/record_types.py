"""What the domain of each record provides, held against the contract: these functions are found by their names."""

import importlib
import inspect
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from operator import attrgetter
from types import ModuleType
from typing import Any, NamedTuple

from accord.contract.names import snake_case
from accord.contract.records import RecordType, record_types
from accord.database.schema import tables_by_name


class Needed(NamedTuple):
    """A function that a domain provides for a table: `writable_tasks(tx, caller, ids)`."""

    prefix: str
    arguments: str
    is_async: bool
    of: Callable[[RecordType], object]


NEEDED = (
    Needed("readable_", "read, caller, ids", is_async=True, of=attrgetter("table")),
    Needed("writable_", "tx, caller, ids", is_async=True, of=attrgetter("writable")),
    Needed("lists_of_", "row", is_async=False, of=attrgetter("writable")),
    Needed("create_in_", "context, record_id, fields", is_async=True, of=attrgetter("create_schema")),
    Needed("delete_from_", "context, row", is_async=True, of=attrgetter("can_be_deleted")),
)


def record_problems(document: dict[str, Any]) -> Iterator[str]:
    """Say which function, table or column is missing or is not what it must be."""
    kinds = record_types(document)
    for table, kind in kinds.items():
        place = f"flows/{kind.read.domain}/rules.py"
        try:
            rules = importlib.import_module(f"accord.flows.{kind.read.domain}.rules")
        except ModuleNotFoundError:
            yield f"{table}: has no {place}; write readable_{table}(read, caller, ids) into it"
            continue
        for needed in NEEDED:
            if needed.of(kind):
                yield from _function_problems(rules, table, needed, place)
        yield from _unknown(rules, place, {table for table, k in kinds.items() if k.read.domain == kind.read.domain})
        yield from _column_problems(kind)


def _function_problems(rules: ModuleType, table: str, needed: Needed, place: str) -> Iterator[str]:
    name = f"{needed.prefix}{table}"
    what = f"`{'async ' if needed.is_async else ''}def {name}({needed.arguments})`"
    function = getattr(rules, name, None)
    if function is None:
        close = get_close_matches(name, [n for n in vars(rules) if n.startswith(needed.prefix)], 1)
        yield f"{table}: {place} must define {what}" + (f"; it has {close[0]}" if close else "")
        return
    try:
        inspect.signature(function).bind(*needed.arguments.split(", "))
        fits = inspect.iscoroutinefunction(function) == needed.is_async
    except TypeError:
        fits = False
    if not fits:
        yield f"{table}: {place} must define {what}, and has another {name}"


def _unknown(rules: ModuleType, place: str, tables: set[str]) -> Iterator[str]:
    """Name what looks as if it were for a table; `readable_` is also the word for what reads one record."""
    for name in vars(rules):
        prefix = next((n.prefix for n in NEEDED[1:] if name.startswith(n.prefix)), None)
        if prefix is not None and name.removeprefix(prefix) not in tables:
            yield f"{place}: {name} is for no table of a record; correct its name"


def _column_problems(kind: RecordType) -> Iterator[str]:
    table = tables_by_name().get(kind.table)
    if table is None:
        yield f"{kind.table}: no tables.py declares this table; correct x-record, or declare it"
        return
    for path in kind.writable:
        if snake_case(path) not in table.c:
            yield f"{kind.table}: has no column {snake_case(path)} for the writable path {path}"
