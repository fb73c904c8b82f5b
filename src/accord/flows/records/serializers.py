"""Serializers for records of every kind, by table and id."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from accord.contract import bundle, types
from accord.contract.ids import Normalise, compile_normaliser
from accord.contract.names import snake_case
from accord.contract.record_changes import Key, Operation, Record
from accord.contract.records import kinds
from accord.contract.serializers import record_serializer
from accord.contract.types import FoundRecords
from accord.contract.validators import FieldError, compile_validator
from accord.flows.record_types import record_type
from accord.journal.cursors import Cursor


@cache
def writable() -> dict[str, Mapping[str, str]]:
    """Return the writable paths of each table that can be written."""
    return {table: kind.writable for table, kind in kinds().items() if kind.writable}


@cache
def parents(table: str) -> dict[str, str]:
    """Return the columns of a table that name a record, each with that record's table."""
    keys = {k.parent.name: k.target_fullname.split(".")[-2] for k in record_type(table).table.foreign_keys}
    return {column: parent for column, parent in keys.items() if parent in kinds()}


@cache
def _normaliser_of_creation(table: str) -> Normalise | None:
    return compile_normaliser(kinds()[table].create_schema or {})


@cache
def _normaliser_of_fields(table: str) -> Normalise | None:
    properties = bundle.load()["components"]["schemas"][kinds()[table].schema]["properties"]
    return compile_normaliser({"properties": properties})


def normalised(operation: Operation) -> Operation:
    """Return an operation with the ids and times in its values in canonical form; its own id is canonical already."""
    table = operation["table"]
    if table not in kinds():
        return operation
    if operation["op"] == "create":
        normalise = _normaliser_of_creation(table)
        return operation if normalise is None else {**operation, "record": normalise(operation["record"])}
    normalise = _normaliser_of_fields(table)
    if normalise is None or "path" not in operation:
        return operation
    small = {name: _written(normalise, operation, operation[name]) for name in ("value", "anchor") if name in operation}
    return {**operation, **small}


def _written(normalise: Normalise, operation: Operation, value: Any) -> Any:
    """Return a field's value, or a list's item, through the normaliser of its record."""
    is_item = operation["op"] in {"listInsert", "listRemove"}
    written = normalise({operation["path"]: [value] if is_item else value})[operation["path"]]
    return written[0] if is_item else written


@cache
def _serializer(table: str) -> Callable[[Any], Any]:
    return record_serializer(getattr(types, kinds()[table].schema))


@cache
def _validator(table: str) -> Callable[[Any], list[FieldError]]:
    return compile_validator({"$ref": f"#/components/schemas/{kinds()[table].schema}"})


@cache
def _fields_validator(table: str) -> Callable[[Any], list[FieldError]]:
    properties = bundle.load()["components"]["schemas"][kinds()[table].schema]["properties"]
    return compile_validator({"type": "object", "properties": properties})


@cache
def _creation_validator(table: str) -> Callable[[Any], list[FieldError]]:
    return compile_validator(kinds()[table].create_schema or {})


def record(table: str, row: Any) -> dict[str, Any]:
    """Return a row as the schema of its table has it."""
    return _serializer(table)(row)


def schema_errors(table: str, value: Record) -> list[FieldError]:
    """Return the schema errors of a record."""
    return _validator(table)(value)


def field_schema_errors(table: str, fields: Record) -> list[FieldError]:
    """Return the schema errors of some fields of a record."""
    return _fields_validator(table)(fields)


def creation_schema_errors(table: str, value: Record) -> list[FieldError]:
    """Return the schema errors of the fields with which a record is to be created."""
    return _creation_validator(table)(value)


def columns(table: str) -> tuple[str, ...]:
    """Return the columns that transactions write."""
    return tuple(snake_case(path) for path in writable()[table])


def row(table: str, key: Key, value: Record) -> dict[str, Any]:
    """Return the columns of a record that transactions write, and its id."""
    return {"id": key[1], **{snake_case(path): value[path] for path in writable()[table]}}


def found(records: Iterable[tuple[str, dict[str, Any]]], cursor: Cursor) -> FoundRecords:
    """Return records by table and id, and the cursor after which their changes follow."""
    by_table: dict[str, Any] = {}
    for table, value in records:
        by_table.setdefault(table, {})[value["id"]] = value
    return {"records": by_table, "position": cursor.position, "cursor": str(cursor)}
