"""Responses shaped by the contract: a row becomes the JSON of a schema, and nothing that the schema does not name.

A secret column cannot leak, because only the properties of the schema are read from the row.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

import orjson

from accord.contract import bundle
from accord.contract.names import snake_case
from accord.contract.times import timestamp

Record = TypeVar("Record")


def record_serializer(schema: type[Record]) -> Callable[[Any], Record]:
    """Return a function that turns a row with snake_case attributes into a record of the contract."""
    names: list[str] = list(bundle.load()["components"]["schemas"][schema.__name__]["properties"])
    assert len(names) > 1, "With one name, attrgetter returns no tuple."
    read = attrgetter(*map(snake_case, names))
    converter = _CONVERTERS.get

    def serialize(row: Any) -> Any:
        # A page has hundreds of values: one look at the type of each, and a call only for types that JSON has not.
        values = [value if (convert := converter(type(value))) is None else convert(value) for value in read(row)]
        return dict(zip(names, values, strict=True))

    return serialize


def _json(value: Any) -> Any:
    convert = _CONVERTERS.get(type(value))
    return value if convert is None else convert(value)


def _uuid(value: UUID) -> str:
    return orjson.dumps(value)[1:-1].decode()  # Twice as fast as str().


def _list(values: list[Any]) -> list[Any]:
    return [_json(value) for value in values]


_CONVERTERS: Mapping[type, Callable[[Any], Any]] = {
    UUID: _uuid,
    datetime: timestamp,
    date: date.isoformat,
    list: _list,
}
