"""The rules of record transactions, for records of every kind."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from accord.context import SignedInContext
from accord.contract import record_changes
from accord.contract.ids import is_id
from accord.contract.names import camel_case, snake_case
from accord.contract.record_changes import (
    Key,
    NoSuchAnchor,
    NoSuchRecord,
    NotWritable,
    Operation,
    OperationRefused,
    Record,
    RecordExists,
)
from accord.contract.records import kinds
from accord.contract.serializers import timestamp
from accord.flows.record_types import record_type
from accord.flows.records import queries, serializers
from accord.flows.records.problems import AnchorMissing, RecordsMoved
from accord.problems import AlreadyExists, NotFound, Problem, ValidationFailed

Rows = Mapping[Key, Any]
Function = TypeVar("Function")


def ids_by_table(keys: Iterable[Key]) -> dict[str, list[str]]:
    """Return the ids of each table, each once."""
    found: dict[str, dict[str, None]] = {}
    for table, record_id in keys:
        found.setdefault(table, {})[record_id] = None
    return {table: list(ids) for table, ids in found.items()}


def checked_operations(operations: Sequence[Any]) -> list[Operation]:
    """Return the operations with ids as the database writes them; reject what the contract does not allow."""
    checked = [serializers.normalised(operation) for operation in operations]
    try:
        record_changes.check(checked, serializers.writable())
    except NotWritable as refused:
        raise _invalid(refused.field, refused.message) from None
    for index, operation in enumerate(checked):
        _check_kind(index, operation)
    return checked


def _check_kind(index: int, operation: Operation) -> None:
    kind, field = kinds()[operation["table"]], f"operations[{index}]"
    if operation["op"] == "delete" and not kind.can_be_deleted:
        raise _invalid(f"{field}.table", "holds records that cannot be deleted like this")
    if operation["op"] != "create":
        return
    if kind.create_schema is None:
        raise _invalid(f"{field}.table", "holds records that cannot be created like this")
    errors = serializers.creation_schema_errors(operation["table"], operation["record"])
    if errors:
        raise ValidationFailed(errors=[{**e, "field": f"{field}.record.{e['field']}".rstrip(".")} for e in errors])


def expected_versions(by_table: Mapping[str, Mapping[str, int]]) -> dict[Key, int]:
    """Return the version that the caller read of each record; reject tables that are not writable and malformed ids."""
    expected: dict[Key, int] = {}
    for table, versions in by_table.items():
        if table not in serializers.writable():
            raise _invalid(f"expectedVersions.{table[:64]}", "is not a table that can be written")
        for record_id, version in versions.items():
            if not is_id(record_id):
                raise _invalid(f"expectedVersions.{table}", "must name records by their id")
            if expected.setdefault((table, record_id.lower()), version) != version:
                raise _invalid(f"expectedVersions.{table}", "must not name a record twice")
    return expected


def _invalid(field: str, message: str) -> ValidationFailed:
    return ValidationFailed(errors=[{"field": field, "message": message}])


async def locked(context: SignedInContext, operations: Sequence[Operation], expected: Iterable[Key]) -> dict[Key, Any]:
    """Return the rows that the caller may change, locked table by table in one order to prevent deadlocks."""
    keys = [record_changes.key_of(operation) for operation in operations]
    return await _writable(context, ids_by_table([*keys, *expected]))


async def _writable(context: SignedInContext, ids: Mapping[str, list[str]]) -> dict[Key, Any]:
    return {
        (table, str(row.id)): row
        for table in sorted(ids)
        for row in await _provided(record_type(table).writable)(context.tx, context.caller, ids[table])
    }


def require_versions(rows: Rows, expected: Mapping[Key, int]) -> None:
    """Raise RecordsMoved with every record that is at another version, or NotFound when a record is missing."""
    if expected.keys() - rows.keys():
        raise NotFound
    conflicts = [
        {"table": table, "id": record_id, "expectedVersion": version, "currentVersion": rows[table, record_id].version}
        for (table, record_id), version in expected.items()
        if rows[table, record_id].version != version
    ]
    if conflicts:
        raise RecordsMoved(conflicts)


def applied(rows: Rows, operations: Sequence[Operation], now: datetime) -> dict[Key, Record | None]:
    """Return the records after the operations."""
    records = {key: serializers.record(key[0], row) for key, row in rows.items()}
    try:
        return record_changes.apply(records, operations, timestamp(now))
    except OperationRefused as refused:
        raise _problem(refused) from None


def _problem(refused: OperationRefused) -> Problem:
    if isinstance(refused, NoSuchAnchor):
        return AnchorMissing(refused)
    errors = [{"field": refused.field, "message": refused.message}]
    if isinstance(refused, RecordExists):
        return AlreadyExists(errors=errors)
    return NotFound(errors=errors) if isinstance(refused, NoSuchRecord) else ValidationFailed(errors=errors)


async def written(context: SignedInContext, rows: Rows, touched: Mapping[Key, Record | None]) -> None:
    """Create, save and delete; the journal has one entry for each record.

    A parent is created before its children and deleted after them, whatever the order of the operations.
    """
    new = {key: record for key, record in touched.items() if record is not None and key not in rows}
    for table, record_id in parents_first(new, lambda key: new[key].get):
        _require_fit(table, record_id, serializers.field_schema_errors(table, new[table, record_id]))
        await _provided(record_type(table).create)(context, UUID(record_id), new[table, record_id])
    changed = {key: record for key, record in touched.items() if record is not None and key in rows}
    for table in sorted({table for table, _ in changed}):
        await _save(context, table, rows, {key: record for key, record in changed.items() if key[0] == table})
    gone = [key for key, record in touched.items() if record is None and key in rows]
    for key in reversed(parents_first(gone, lambda key: serializers.record(key[0], rows[key]).get)):
        await _provided(record_type(key[0]).delete)(context, key[1], rows[key].version)


def parents_first(keys: Collection[Key], reader: Callable[[Key], Callable[[str], Any]]) -> list[Key]:
    """Return the keys with each record behind its parents; `reader` returns a function that reads a record's fields.

    A foreign key makes a parent. A cycle, possible only with nullable foreign keys, is cut at the first of
    its keys that is reached.
    """

    def parents(key: Key) -> list[Key]:
        read = reader(key)
        named = [(table, read(camel_case(column))) for column, table in serializers.parents(key[0]).items()]
        # Values are validated later.
        return [(table, value) for table, value in named if isinstance(value, str)]

    return behind(keys, parents)


def behind(keys: Collection[Key], parents: Callable[[Key], Iterable[Key]]) -> list[Key]:
    """Return the keys, each behind its parents; without recursion, as records of one table can form a long chain."""
    ordered: list[Key] = []
    left = set(keys)
    for first in sorted(keys):
        line = [first] if first in left else []
        while line:
            left.discard(line[-1])
            missing = next((each for each in parents(line[-1]) if each in left), None)
            if missing is None:
                ordered.append(line.pop())
            else:
                line.append(missing)
    return ordered


async def _save(context: SignedInContext, table: str, rows: Rows, changed: Mapping[Key, Record]) -> None:
    for (_, record_id), record in changed.items():
        _require_fit(table, record_id, serializers.schema_errors(table, record))
    kind = record_type(table)
    lists_of = _provided(kind.lists)
    given = [serializers.row(table, key, record) for key, record in changed.items()]
    saved = await queries.save_all(context.tx, kind, serializers.columns(table), given, context.now())
    for row in sorted(saved, key=lambda row: row.id):
        before, after = serializers.record(table, rows[table, str(row.id)]), serializers.record(table, row)
        fields = {snake_case(p): after[p] for p in serializers.writable()[table] if before[p] != after[p]}
        context.journal.updated(table, row, fields, lists_of(row))


def _provided(function: Function | None) -> Function:
    """Return a function of a record type; the start has checked that every function that the contract needs exists."""
    assert function is not None
    return function


def _require_fit(table: str, record_id: str, errors: Sequence[Mapping[str, str]]) -> None:
    """Raise ValidationFailed for a record that does not satisfy its schema."""
    if errors:
        raise ValidationFailed(errors=[{**e, "field": f"{table}.{record_id}.{e['field']}"} for e in errors])


async def recheck_access(
    context: SignedInContext, touched: Mapping[Key, Record | None]
) -> list[tuple[str, dict[str, Any]]]:
    """Return the records as they are now; raise NotFound when the change took away the caller's right to make it."""
    kept = [key for key, record in touched.items() if record is not None]
    rows = await _writable(context, ids_by_table(kept))
    if set(kept) - rows.keys():
        raise NotFound
    records = {key: serializers.record(key[0], rows[key]) for key in kept}
    for (table, record_id), record in records.items():
        _require_fit(table, record_id, serializers.schema_errors(table, record))
    return [(table, record) for (table, _), record in records.items()]
