"""What operations make of records, and what takes them back: pure, and the same as the service does.

A list is a set in an order. Inserting a value that is in the list moves it, so inserting twice is inserting once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import attrs

from .generated.facts import CREATABLE, RecordOperation, RecordValue
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


class CannotApply(Exception):
    """An operation cannot be applied to the record as it is; the service will say why."""


def applied(before: AnyRecord | None, operation: RecordOperation, now: datetime) -> AnyRecord | None:
    """Return the record as an operation leaves it, None for one that it deletes. Raises CannotApply."""
    if isinstance(operation, CreateOperation):
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
        return [DeleteOperation(table=table, id=record_id)]
    if before is None:
        return []
    if isinstance(operation, DeleteOperation):
        given = {name: v for name, v in before.additional_properties.items() if name in CREATABLE.get(table, ())}
        return [CreateOperation(table=table, id=record_id, record=given)]
    old = before.additional_properties.get(operation.path)
    if isinstance(operation, SetNowOperation):
        return [SetOperation(table=table, id=record_id, path=operation.path, value=None)] if old is None else []
    if isinstance(operation, SetOperation):
        if operation.value is None and _is_time(old):
            return [SetNowOperation(table=table, id=record_id, path=operation.path)]
        return [SetOperation(table=table, id=record_id, path=operation.path, value=old)]
    return _list_inverse(old, operation)


def with_other_id(operations: Sequence[RecordOperation], old: UUID, new: UUID) -> list[RecordOperation]:
    """Return the operations with one id instead of another, wherever they name it: in lists and records, too."""
    body = json.dumps(ApplyTransaction(transaction_id=new, operations=list(operations)).to_dict())
    return ApplyTransaction.from_dict(json.loads(body.replace(str(old), str(new)))).operations


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
    operation: SetOperation | SetNowOperation | ListInsertOperation | ListRemoveOperation,
    now: datetime,
) -> RecordValue:
    if isinstance(operation, SetOperation):
        return operation.value
    if isinstance(operation, SetNowOperation):
        return write_time(now)
    items = _list(before.additional_properties.get(operation.path))
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


def _is_time(value: RecordValue) -> bool:
    """A path that holds a time takes null or the time of the service, and no text."""
    try:
        return isinstance(value, str) and value.endswith("Z") and bool(datetime.fromisoformat(value[:-1]))
    except ValueError:
        return False
