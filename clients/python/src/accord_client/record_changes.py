"""The effect of operations on records, and their inverses: pure, and equal to the service's.

A list is a set in an order. Inserting a value that is in the list moves it, so inserting twice is inserting once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias, cast
from uuid import uuid4

import attrs

from .generated.metadata import CREATABLE, MOMENTS, RecordOperation, RecordValue
from .generated.models import (
    AnyRecord,
    ApplyTransaction,
    CreateOperation,
    DeleteOperation,
    ListInsertOperation,
    ListRemoveOperation,
    SetNowOperation,
    SetOperation,
)
from .generated.types import write_time

_Writes: TypeAlias = "SetOperation | SetNowOperation | ListInsertOperation | ListRemoveOperation"


class CannotApply(Exception):
    """An operation cannot be applied to the record as it is; the service will say why."""


def applied(before: AnyRecord | None, operation: RecordOperation, now: datetime) -> AnyRecord | None:
    """Return the record as an operation leaves it, None for one that it deletes. Raises CannotApply."""
    if isinstance(operation, CreateOperation):
        if before is not None:
            raise CannotApply
        return AnyRecord(id=operation.id, version=0, additional_properties=dict(operation.record))
    if before is None:
        raise CannotApply
    if isinstance(operation, DeleteOperation):
        return None
    value = _value(before, operation, now)
    return attrs.evolve(before, additional_properties={**before.additional_properties, operation.path: value})


def inverse(before: AnyRecord | None, operation: RecordOperation) -> list[RecordOperation]:
    """Return what takes an operation back that was applied to this record.

    Empty when nothing does: a time that was there before `setNow` cannot be given back.
    """
    table, record_id = operation.table, operation.id
    if isinstance(operation, CreateOperation):
        return [] if before is not None else [DeleteOperation(table=table, id=record_id)]
    if before is None:
        return []
    if isinstance(operation, DeleteOperation):
        names = before.additional_properties.keys() & CREATABLE.get(table, ())
        given = {name: _writable(before, name) for name in names}
        return [CreateOperation(table=table, id=record_id, record=given)]
    old = _writable(before, operation.path)
    if isinstance(operation, SetNowOperation) or operation.path in MOMENTS.get(table, ()):
        return _moment_inverse(old, operation)
    if isinstance(operation, SetOperation):
        return [SetOperation(table=table, id=record_id, path=operation.path, value=old)]
    return _list_inverse(old, operation)


def with_new_ids(operations: list[RecordOperation], others: Sequence[list[RecordOperation]]) -> None:
    """Give every record that the operations create an id that it never had, in these and in the others.

    An id is never free again. Where the old one is a whole value (an id, an anchor, an item, a field of a record) the
    new one is there afterwards; a text that only mentions it stays.
    """
    new = {str(operation.id): str(uuid4()) for operation in operations if isinstance(operation, CreateOperation)}
    for steps in (operations, *others) if new else ():
        body = {"transactionId": str(uuid4()), "operations": [_renamed(step.to_dict(), new) for step in steps]}
        steps[:] = ApplyTransaction.from_dict(body).operations


def _renamed(value: object, new: Mapping[str, str]) -> object:
    if isinstance(value, dict):
        return {name: _renamed(item, new) for name, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_renamed(item, new) for item in cast("list[object]", value)]
    return new.get(value.lower(), value) if isinstance(value, str) else value


def _writable(record: AnyRecord, path: str) -> RecordValue:
    """Return the value of a field that transactions write; other fields may have values of any kind."""
    return cast("RecordValue", record.additional_properties.get(path))


def _moment_inverse(old: RecordValue, operation: _Writes) -> list[RecordOperation]:
    """Only the service gives times: what was null becomes null again, what had a time gets that of undoing."""
    table, record_id, path = operation.table, operation.id, operation.path
    if old is None:
        return [SetOperation(table=table, id=record_id, path=path, value=None)]
    return [SetNowOperation(table=table, id=record_id, path=path)] if isinstance(operation, SetOperation) else []


def _list_inverse(old: RecordValue, operation: ListInsertOperation | ListRemoveOperation) -> list[RecordOperation]:
    table, record_id, path, value = operation.table, operation.id, operation.path, operation.value
    items = _list(old)
    if value in items:
        place = items.index(value)
        back = ListInsertOperation(table=table, id=record_id, path=path, value=value, where="start")
        return [attrs.evolve(back, where="after", anchor=items[place - 1]) if place else back]
    if isinstance(operation, ListInsertOperation):
        return [ListRemoveOperation(table=table, id=record_id, path=path, value=value)]
    return []


def _value(
    before: AnyRecord,
    operation: _Writes,
    now: datetime,
) -> RecordValue:
    if isinstance(operation, SetOperation):
        return operation.value
    if isinstance(operation, SetNowOperation):
        return write_time(now)
    items = _list(_writable(before, operation.path))
    if isinstance(operation, ListRemoveOperation):
        return [item for item in items if item != operation.value]
    return _inserted(items, operation)


def _inserted(items: list[str], operation: ListInsertOperation) -> list[str]:
    value, anchor = operation.value, operation.anchor or None
    if operation.where in {"before", "after"} and anchor not in items:
        raise CannotApply
    if anchor == value:
        return items
    others = [item for item in items if item != value]
    places = {"start": 0, "end": len(others)}
    if anchor is not None:
        places |= {"before": others.index(anchor), "after": others.index(anchor) + 1}
    place = places[operation.where]
    return [*others[:place], value, *others[place:]]


def _list(value: RecordValue) -> list[str]:
    return list(value) if isinstance(value, list) else []
