"""Answers shaped by the contract: a row becomes the JSON of a schema, and nothing that the schema does not name.

A secret column cannot leak, because only the properties of the schema are read from the row.
"""

from collections.abc import Callable
from datetime import date, datetime
from operator import attrgetter
from typing import Any, TypeVar
from uuid import UUID

from accord.contract import bundle
from accord.contract.names import snake_case
from accord.contract.times import timestamp

Record = TypeVar("Record")


def record_shape(schema: type[Record]) -> Callable[[Any], Record]:
    """Return a function that turns a row with snake_case attributes into a record of the contract."""
    properties = bundle.load()["components"]["schemas"][schema.__name__]["properties"]
    fields = [(name, attrgetter(snake_case(name))) for name in properties]

    def shape(row: Any) -> Any:
        return {name: _wire(read(row)) for name, read in fields}

    return shape


def _wire(value: Any) -> Any:
    kind = type(value)
    if kind is datetime:
        return timestamp(value)
    if kind is UUID:
        return str(value)
    if kind is date:
        return value.isoformat()
    if kind is list:
        return [_wire(item) for item in value]
    return value
