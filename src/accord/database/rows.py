"""Checks that the NamedTuple of a statement's rows has the names and types of the columns that it returns."""

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from sqlalchemy import ClauseElement, Column, ColumnElement
from sqlalchemy.sql.selectable import ReturnsRows


def check_row(statement: ClauseElement, row: type[Any]) -> None:
    """Raise TypeError unless the fields of `row` are the columns, in their order, with their types."""
    if not isinstance(statement, ReturnsRows):
        # The columns of a plain text are known to the database alone.
        message = f"{row.__name__}: a text has columns when it says so: text(…).columns(…)"
        raise TypeError(message)
    columns = list(statement.exported_columns)
    fields = get_type_hints(row)
    names = [column.name for column in columns]
    if names != list(fields):
        message = f"{row.__name__} has the fields {', '.join(fields)}; the statement returns {', '.join(names)}"
        raise TypeError(message)
    for column in columns:
        _check_field(f"{row.__name__}.{column.name}", column, fields[column.name])


def _check_field(place: str, column: ColumnElement[Any], annotation: Any) -> None:
    if annotation is Any:
        return
    options = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    kinds = {get_origin(option) or option for option in options}
    expected = _type_of(column)
    if expected is not None and kinds - {NoneType} != {expected}:
        message = f"{place} is annotated as {annotation}; its column holds {expected.__name__}"
        raise TypeError(message)
    if isinstance(column, Column) and column.nullable and NoneType not in kinds:
        message = f"{place} is annotated as {annotation}; its column may be null"
        raise TypeError(message)


def _type_of(column: ColumnElement[Any]) -> type[Any] | None:
    """Return what Python reads from the column; None when SQLAlchemy does not know."""
    try:
        kind = column.type.python_type
    except NotImplementedError:
        return None
    return None if kind is object else kind
