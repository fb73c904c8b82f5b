"""What models and operations are made of: what is absent, how values look on the wire, what a request is."""

from __future__ import annotations

import datetime
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, ClassVar, Final, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from urllib.parse import quote
from uuid import UUID

import attrs

M = TypeVar("M", bound="Model")
_Reader = Callable[[Any], Any]


class Unset:
    """The type of UNSET: a field left out, which is not the same as null."""

    def __bool__(self) -> Literal[False]:
        return False

    def __repr__(self) -> str:
        return "UNSET"

    def __reduce__(self) -> str:
        """Stay the only one when models are copied."""
        return "UNSET"


UNSET: Final = Unset()


class Model:
    """A schema of the contract."""

    __slots__ = ()
    wire_names: ClassVar[Mapping[str, str]] = {}
    """The names on the wire of those fields that have another one here."""

    def to_dict(self) -> dict[str, object]:
        """Return it as it is on the wire, without what is unset."""
        named = {
            self.wire_names.get(name, name): _written(value)
            for name in _fields(type(self))
            if (value := getattr(self, name)) is not UNSET
        }
        return {**_written(getattr(self, "additional_properties", {})), **named}

    @classmethod
    def from_dict(cls: type[M], data: Mapping[str, object]) -> M:
        """Make it of what is on the wire. Raises KeyError, TypeError or ValueError when it does not fit."""
        left, values = dict(data), {}
        for name, read in _readers(cls).items():
            wire_name = cls.wire_names.get(name, name)
            if wire_name in left:
                value = left.pop(wire_name)
                values[name] = value if read is None else read(value)
        if "additional_properties" in attrs.fields_dict(cls):
            values["additional_properties"] = left
        return cls(**values)


@attrs.define(frozen=True)
class Request:
    """One call of an operation."""

    operation: str
    """Its operationId."""
    method: str
    path: str
    query: Mapping[str, object] = attrs.field(factory=dict[str, object])
    headers: Mapping[str, object] = attrs.field(factory=dict[str, object])
    body: Model | Unset = UNSET


def in_path(value: object) -> str:
    """Return a path parameter as it stands in a path."""
    return quote(str(value), safe="")


def read_time(text: str) -> datetime.datetime:
    """Read a time as the contract has it: RFC 3339, UTC, with microseconds."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def write_time(moment: datetime.datetime) -> str:
    """Write a time as the contract has it; one without a zone is meant to be UTC."""
    utc = moment.astimezone(datetime.timezone.utc) if moment.tzinfo else moment
    return f"{utc:%Y-%m-%dT%H:%M:%S.%fZ}"


def _written(value: Any) -> Any:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime.datetime):
        return write_time(value)
    if isinstance(value, Mapping):
        return {name: _written(item) for name, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_written(item) for item in cast("list[Any]", value)]
    return value


@cache
def _fields(model: type[Model]) -> tuple[str, ...]:
    names = (field.name for field in attrs.fields(cast("Any", model)))
    return tuple(name for name in names if name != "additional_properties")


@cache
def _readers(model: type[Model]) -> dict[str, _Reader | None]:
    hints = get_type_hints(model)
    return {name: _reader(hints[name]) for name in _fields(model)}


def _reader(hint: Any) -> _Reader | None:
    """Return what makes a value of what is on the wire; None when it is the same."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is list:
        return _each_item(_reader(arguments[0]))
    if origin is dict:
        return _each_value(_reader(arguments[1]))
    if origin in (Union, types.UnionType):
        return _one_of([part for part in arguments if part not in (Unset, types.NoneType)])
    if isinstance(hint, type) and issubclass(hint, Model):
        return hint.from_dict
    readers: dict[Any, _Reader] = {UUID: UUID, datetime.datetime: read_time}
    return readers.get(hint)


def _each_item(read: _Reader | None) -> _Reader | None:
    return None if read is None else lambda items: [read(item) for item in items]


def _each_value(read: _Reader | None) -> _Reader | None:
    return None if read is None else lambda items: {name: read(item) for name, item in items.items()}


def _one_of(parts: list[Any]) -> _Reader | None:
    if len(parts) > 1:
        models = [part for part in parts if isinstance(part, type) and issubclass(part, Model)]
        return (lambda value: _model_of(value, models).from_dict(value)) if models else None
    read = _reader(parts[0])
    return None if read is None else lambda value: None if value is None else read(value)


def _model_of(value: Mapping[str, object], models: list[type[Model]]) -> type[Model]:
    """Return the model whose fixed fields (`op: Literal["set"]`) have the values of this one."""
    for model in models:
        if all(value.get(model.wire_names.get(name, name)) == fixed for name, fixed in _fixed(model).items()):
            return model
    raise ValueError(f"It is none of {', '.join(model.__name__ for model in models)}.")


@cache
def _fixed(model: type[Model]) -> dict[str, object]:
    hints = get_type_hints(model)
    literals = {name: get_args(hints[name]) for name in _fields(model) if get_origin(hints[name]) is Literal}
    return {name: values[0] for name, values in literals.items() if len(values) == 1}
