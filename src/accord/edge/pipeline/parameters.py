"""Path, query and header parameters: parsed strictly, then checked by the validators of the contract.

`1_0`, `+5`, ` 5`, digits of other scripts and `nan` are numbers for Python and not for the contract, so texts are
matched before the conversion.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_to_bytes

from accord.contract.ids import lower_id
from accord.contract.operations import Parameter
from accord.contract.times import normalised_time
from accord.contract.validators import MAX_ERRORS, FieldError, Validate, compile_validator
from accord.problems import NotFound, ValidationFailed

_integer = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII).fullmatch
_number = re.compile(r"-?(?:0|[1-9][0-9]{0,18})(?:\.[0-9]{1,30})?", re.ASCII).fullmatch
_bad_escape = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def _to_integer(text: str) -> Any:
    return int(text) if _integer(text) else text


def _to_number(text: str) -> Any:
    return float(text) if _number(text) else text


def _to_boolean(text: str) -> Any:
    return {"true": True, "false": False}.get(text, text)


_converters: dict[str, Callable[[str], Any]] = {
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "string": lambda text: text,
}


_formats: dict[str | None, Callable[[str], Any]] = {"uuid": lower_id, "date-time": normalised_time}


class CompiledParameter:
    """One parameter, with the conversion of its text and the validator of its value."""

    __slots__ = ("_convert", "_validate", "argument", "default", "name", "required")

    def __init__(self, parameter: Parameter) -> None:
        """Compile the validator; a type without a text form stops the start."""
        self.name = parameter.name
        self.argument = parameter.argument
        self.required = parameter.required
        self.default = parameter.default
        kind = parameter.schema.get("format")
        self._convert = _formats.get(kind) or _converters[parameter.schema["type"]]
        self._validate: Validate = compile_validator(parameter.schema)

    def parse(self, text: str) -> tuple[Any, list[FieldError]]:
        """Return the value and its schema errors."""
        value = self._convert(text)
        return value, [{"field": self.name, "message": error["message"]} for error in self._validate(value)]


class CompiledParameters:
    """All parameters of one operation."""

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        """Group the parameters by place: path, query, header."""
        by_place: dict[str, list[CompiledParameter]] = {"path": [], "query": [], "header": []}
        for parameter in parameters:
            by_place[parameter.place].append(CompiledParameter(parameter))
        self._path = by_place["path"]
        self._query = {parameter.name: parameter for parameter in by_place["query"]}
        self._headers = [(p.name.lower().encode(), p) for p in by_place["header"]]
        self._defaults = {p.argument: p.default for p in self._query.values()}

    def parse(
        self, path: dict[str, str], query: bytes, headers: dict[bytes, bytes]
    ) -> tuple[dict[str, Any], list[FieldError]]:
        """Return the flow's arguments and their schema errors. Raises NotFound for a malformed path parameter."""
        arguments = self._defaults.copy()
        errors: list[FieldError] = []
        for parameter in self._path:
            arguments[parameter.argument], wrong = parameter.parse(path[parameter.name])
            if wrong:
                raise NotFound
        if query or self._query:
            self._parse_query(query, arguments, errors)
        for name, parameter in self._headers:
            if name in headers:
                errors += parameter.parse(headers[name].decode("latin-1"))[1]
            elif parameter.required:
                errors.append({"field": parameter.name, "message": "is required"})
        return arguments, errors

    def _parse_query(self, query: bytes, arguments: dict[str, Any], errors: list[FieldError]) -> None:
        given = parse_query(query)
        for name, text in given.items():
            parameter = self._query.get(name)
            if parameter is None:
                errors.append({"field": name[:64], "message": "is not a known parameter"})
                if len(errors) == MAX_ERRORS:
                    return
                continue
            arguments[parameter.argument], wrong = parameter.parse(text)
            errors += wrong
        missing = (p.name for p in self._query.values() if p.required and p.name not in given)
        errors += [{"field": name, "message": "is required"} for name in missing]


def parse_query(query: bytes) -> dict[str, str]:
    """Return the query as names and values. Raises ValidationFailed when the query is malformed or repeats a name."""
    given: dict[str, str] = {}
    for pair in filter(None, query.split(b"&")):
        raw_name, _, raw_value = pair.partition(b"=")
        try:
            name, value = _decode(raw_name), _decode(raw_value)
        except ValueError:
            raise ValidationFailed(errors=[{"field": "query", "message": "is not percent-encoded UTF-8"}]) from None
        if name in given:
            raise ValidationFailed(errors=[{"field": name[:64], "message": "must be given once"}])
        given[name] = value
    return given


def _decode(raw: bytes) -> str:
    if _bad_escape.search(raw):
        raise ValueError
    text = unquote_to_bytes(raw.replace(b"+", b" ")).decode()
    if "\0" in text:
        raise ValueError
    return text
