"""Who may see what an entry says: whoever may read its record now, as the record's own domain decides."""

import importlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from accord.context import Context
from accord.contract import bundle
from accord.contract.records import RecordType, record_types

Readable = set[tuple[str, str]]


@cache
def _kinds() -> dict[str, RecordType]:
    return record_types(bundle.load())


async def readable(context: Context, entries: Sequence[Any]) -> Readable:
    """Return the records of these entries that the caller may read, by table and id; one statement for each table."""
    ids: dict[str, set[str]] = {}
    for entry in entries:
        if entry.table in _kinds():
            ids.setdefault(entry.table, set()).add(str(entry.record_id))
    return {
        (table, str(row.id))
        for table in sorted(ids)
        for row in await _reader_of(table)(context.read, context.caller, sorted(ids[table]))
    }


def shows(entry: Any, records: Readable) -> bool:
    """Say whether the values of an entry may be seen; what is no record, such as a session, has no private ones."""
    return entry.table not in _kinds() or (entry.table, str(entry.record_id)) in records


@cache
def _reader_of(table: str) -> Any:
    """Domains do not know each other, so the record's is found by name."""
    return getattr(importlib.import_module(f"accord.flows.{_kinds()[table].read.domain}.rules"), f"readable_{table}")
