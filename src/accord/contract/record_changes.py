"""The effect of operations on records: pure, so that the same operations on the same records always give the same.

A list is a set in an order. Inserting a value that is in the list moves it, so inserting twice is inserting once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Key = tuple[str, str]
"""Table and id."""
Record = Mapping[str, Any]
Operation = Mapping[str, Any]
Kinds = Mapping[str, Mapping[str, str]]
"""For each table its writable paths, each with what it is: `set`, `moment` or `list`."""

_KINDS = {"set": {"set", "moment"}, "setNow": {"moment"}, "listInsert": {"list"}, "listRemove": {"list"}}


class OperationRefused(Exception):
    """An operation cannot be applied; `field` is the part of it that is wrong. Nothing was changed."""

    def __init__(self, index: int, field: str, message: str) -> None:
        super().__init__(message)
        self.field = f"operations[{index}].{field}"
        self.message = message


class NotWritable(OperationRefused):
    """The contract allows no client to change this, or not in this way."""


class NoSuchRecord(OperationRefused):
    """The record does not exist, or an operation before deleted it."""


class RecordExists(OperationRefused):
    """A record with the id of a record to create exists."""


class NoSuchAnchor(OperationRefused):
    """The list does not hold the value beside which another was to be put."""


def key_of(operation: Operation) -> Key:
    """Return which record an operation is about."""
    return operation["table"], operation["id"]


def check(operations: Sequence[Operation], kinds: Kinds) -> None:
    """Refuse what no state of the records would allow. Raises NotWritable."""
    for index, operation in enumerate(operations):
        if operation["table"] not in kinds:
            raise NotWritable(index, "table", "is not a table that can be written")
        writable = _KINDS.get(operation["op"])
        if writable is not None and kinds[operation["table"]].get(operation["path"]) not in writable:
            raise NotWritable(index, "path", f"is not a path that {operation['op']} can write")
        if operation["op"] == "set" and _is_given_moment(operation, kinds):
            raise NotWritable(index, "value", "must be null; setNow gives it the time of the server")
        if (operation.get("where") in {"before", "after"}) != ("anchor" in operation):
            raise NotWritable(index, "anchor", "belongs to before and after, and only to them")


def apply(records: Mapping[Key, Record], operations: Sequence[Operation], now: str) -> dict[Key, Record | None]:
    """Return the records that the operations touch as they leave them, None for one that they delete.

    `records` are those that exist; they stay as they are. Raises OperationRefused.
    """
    touched: dict[Key, Record | None] = {}
    for index, operation in enumerate(operations):
        key = key_of(operation)
        before = touched[key] if key in touched else records.get(key)
        if operation["op"] == "create" and key in records:
            # Also of one that was deleted just before: its id is taken for good.
            raise RecordExists(index, "id", "is the id of a record that exists")
        touched[key] = _applied(before, operation, index, now)
    return touched


def _applied(before: Record | None, operation: Operation, index: int, now: str) -> Record | None:
    if operation["op"] == "create":
        if before is not None:
            raise RecordExists(index, "id", "is the id of a record that exists")
        return dict(operation["record"])
    if before is None:
        raise NoSuchRecord(index, "id", "is not the id of a record that you may change")
    if operation["op"] == "delete":
        return None
    return {**before, operation["path"]: _value(before, operation, index, now)}


def _value(before: Record, operation: Operation, index: int, now: str) -> Any:
    match operation["op"]:
        case "set":
            return operation["value"]
        case "setNow":
            return now
        case "listInsert":
            return _inserted(before.get(operation["path"]) or [], operation, index)
        case _:
            return [item for item in before.get(operation["path"]) or [] if item != operation["value"]]


def _inserted(items: Sequence[Any], operation: Operation, index: int) -> list[Any]:
    value, anchor = operation["value"], operation.get("anchor")
    if anchor is not None and anchor not in items:
        raise NoSuchAnchor(index, "anchor", "is not in the list")
    if anchor == value:
        return list(items)
    others = [item for item in items if item != value]
    match operation["where"]:
        case "start":
            place = 0
        case "end":
            place = len(others)
        case "before":
            place = others.index(anchor)
        case _:
            place = others.index(anchor) + 1
    return [*others[:place], value, *others[place:]]


def _is_given_moment(operation: Operation, kinds: Kinds) -> bool:
    return kinds[operation["table"]][operation["path"]] == "moment" and operation["value"] is not None
