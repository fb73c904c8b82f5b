"""Ids as the database writes them: a UUID is compared as a text everywhere, so its letters are made small on entry.

The contract says where a request has ids, by `format: uuid`, and by `x-key-format: uuid` where they name the members of
an object. Times, by `format: date-time`, get their one form on the way. Nothing is judged here: what is no id, and what
has more items than it may have, goes on as it is, to the validators.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from accord.contract import bundle
from accord.contract.references import resolve
from accord.contract.times import normalised_time

UUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_LENGTH = 36
_uuid = re.compile(UUID).fullmatch
Normalise = Callable[[Any], Any]


def is_id(text: str) -> bool:
    """Say whether the text is written like an id."""
    return _uuid(text) is not None


def lower_id(value: Any) -> Any:
    """Return an id with small letters; what is not as long as one, unchanged."""
    return value.lower() if isinstance(value, str) and len(value) == _LENGTH else value


def compile_normaliser(schema: Mapping[str, Any]) -> Normalise | None:
    """Return what gives ids and times their one form in a value of this schema, in place; None where it has neither."""
    return _compiled(schema, {})


def _compiled(node: Mapping[str, Any], seen: dict[str, Normalise | None]) -> Normalise | None:
    name = node.get("$ref")
    if name is None:
        return _of_schema(node, seen)
    if name not in seen:
        # A schema that has itself in it is looked up when a value is there.
        seen[name] = lambda value: value if (found := seen[name]) is None else found(value)
        seen[name] = _of_schema(resolve(bundle.load(), node), seen)
    return seen[name]


def _of_schema(schema: Mapping[str, Any], seen: dict[str, Normalise | None]) -> Normalise | None:
    if schema.get("format") == "uuid":
        return lower_id
    if schema.get("format") == "date-time":
        return normalised_time
    parts = [_of_object(schema, seen), _of_array(schema, seen)]
    parts += [_compiled(branch, seen) for kind in ("oneOf", "anyOf", "allOf") for branch in schema.get(kind, ())]
    steps = [part for part in parts if part is not None]
    if len(steps) < 2:  # noqa: PLR2004  one step needs no loop
        return steps[0] if steps else None

    def normalise(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return normalise


def _of_object(schema: Mapping[str, Any], seen: dict[str, Normalise | None]) -> Normalise | None:
    compiled = {name: _compiled(node, seen) for name, node in schema.get("properties", {}).items()}
    named = {name: part for name, part in compiled.items() if part is not None}
    rest = schema.get("additionalProperties")
    others = _compiled(rest, seen) if isinstance(rest, dict) else None
    by_id = schema.get("x-key-format") == "uuid"
    if not (named or others or by_id):
        return None
    limit = schema.get("maxProperties", float("inf"))

    def normalise(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if others is None and not by_id:
            for name, part in named.items():
                if name in value:
                    value[name] = part(value[name])
            return value
        if len(value) > limit:
            return value
        for name, item in value.items():
            part = named.get(name, None if name in compiled else others)
            if part is not None:
                value[name] = part(item)
        return _by_small_id(value) if by_id else value

    return normalise


def _by_small_id(value: dict[str, Any]) -> dict[str, Any]:
    """Return the members under small ids; when two are of one id nothing is lost, and the flow refuses it."""
    small = {lower_id(name): item for name, item in value.items()}
    return small if len(small) == len(value) else value


def _of_array(schema: Mapping[str, Any], seen: dict[str, Normalise | None]) -> Normalise | None:
    part = _compiled(schema["items"], seen) if "items" in schema else None
    if part is None:
        return None

    limit = schema.get("maxItems", float("inf"))

    def normalise(value: Any) -> Any:
        return [part(item) for item in value] if isinstance(value, list) and len(value) <= limit else value

    return normalise
