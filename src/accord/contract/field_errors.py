"""The errors of a value that does not fit, from the outside in, one at a time.

jsonschema-rs says quickly that a value does not fit, but makes every error of every branch before it tells the first:
a body of 120 kB takes it 8 seconds. So objects, lists and branches are walked through here, where sizes come before
members and the caller may stop after each error; jsonschema-rs is asked about values without parts, and whether lists
of those fit. Messages are built from the rule alone and never repeat the rejected value (C-11).
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]
FieldError = dict[str, str]
Explain = Callable[[Any, str], Iterator[FieldError]]
"""Yields what is wrong with the value at a path."""

REFERENCE = "#/components/schemas/"
COMBINATORS = ("oneOf", "anyOf", "allOf", "not")
_JSON_TYPES = {
    dict: {"object"},
    list: {"array"},
    str: {"string"},
    bool: {"boolean"},
    int: {"integer", "number"},
    float: {"number"},
    type(None): {"null"},
}
_messages: dict[str, Callable[[Any], str]] = {
    "minLength": lambda kind: f"must have at least {kind.limit} characters",
    "maxLength": lambda kind: f"must have at most {kind.limit} characters",
    "minimum": lambda kind: f"must be at least {kind.limit}",
    "maximum": lambda kind: f"must be at most {kind.limit}",
    "exclusiveMinimum": lambda kind: f"must be more than {kind.limit}",
    "exclusiveMaximum": lambda kind: f"must be less than {kind.limit}",
    "multipleOf": lambda kind: f"must be a multiple of {kind.multiple_of}",
    "enum": lambda kind: _one_of(kind.options),
    "format": lambda kind: f"must be a valid {kind.format}",
    "pattern": lambda kind: f"must match {kind.pattern}",
}


class FieldErrors:
    """Makes functions that explain, for schemas that refer to each other; each of those is compiled once."""

    def __init__(self, schemas: Mapping[str, Json], validator: Callable[[Json], Any]) -> None:
        """Take the schemas that others refer to by name, and what compiles a schema for jsonschema-rs."""
        self._schemas = schemas
        self._validator = validator
        self._named: dict[str, Explain | None] = {}

    def of(self, schema: Json) -> Explain:
        """Return the function for a schema of draft 4."""
        if "$ref" in schema:
            return self._of_named(schema["$ref"].removeprefix(REFERENCE))
        if schema.keys() & set(COMBINATORS):
            return self._of_branches(schema)
        if "object" in _types(schema):
            return self._of_object(schema)
        return self._of_array(schema) if "array" in _types(schema) else self._of_plain(schema)

    def _of_named(self, name: str) -> Explain:
        if name not in self._named:
            self._named[name] = None  # A schema may refer to itself.
            self._named[name] = self.of(self._schemas[name])

        def explain(value: Any, path: str) -> Iterator[FieldError]:
            named = self._named[name]
            assert named is not None
            return named(value, path)

        return explain

    def _of_plain(self, schema: Json) -> Explain:
        validator, types = self._validator(schema), _types(schema)

        def explain(value: Any, path: str) -> Iterator[FieldError]:
            if types and not _is_one_of(value, types):
                yield _wrong_type(types, path)
            elif not validator.is_valid(value):
                for error in validator.iter_errors(value):
                    yield _error(path, _message(error.kind, types))

        return explain

    def _of_object(self, schema: Json) -> Explain:
        required, more = schema.get("required", ()), schema.get("additionalProperties", True)
        known = {name: self.of(child) for name, child in schema.get("properties", {}).items()}
        other = self.of(more) if isinstance(more, Mapping) else _anything if more else _unknown

        def explain(value: Any, path: str) -> Iterator[FieldError]:
            for name in required:
                if name not in value:
                    yield _error(_member(path, name), "is required")
            for name, item in value.items():
                yield from known.get(name, other)(item, _member(path, name[:64]))

        return _of_container(schema, dict, explain)

    def _of_array(self, schema: Json) -> Explain:
        items = schema.get("items", {})
        item = self.of(items)
        are_unique = self._validator({"uniqueItems": True}).is_valid if schema.get("uniqueItems") else _always
        all_fit = self._validator({"items": items}).is_valid if self._is_plain(items) else _never

        def explain(value: Any, path: str) -> Iterator[FieldError]:
            if not are_unique(value):
                yield _error(path, "must not hold the same item twice")
            if not all_fit(value):
                for index, each in enumerate(value):
                    yield from item(each, f"{path}[{index}]")

        return _of_container(schema, list, explain)

    def _of_branches(self, schema: Json) -> Explain:
        """Choose the branch that was meant; where that cannot be told, say only which rule is broken."""
        branches = [self._resolved(branch) for branch in schema.get("oneOf", ())]
        explains = [self.of(branch) for branch in branches]
        name = discriminator(branches)
        if name is not None:
            values = [branch["properties"][name]["enum"][0] for branch in branches]
            return _by_member(name, dict(zip(values, explains, strict=True)))
        if have_types_of_their_own(branches):
            return _by_type(list(zip(map(_types, branches), explains, strict=True)))
        return _of_rule(next(name for name in COMBINATORS if name in schema), self._validator(schema))

    def _resolved(self, schema: Json) -> Json:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].removeprefix(REFERENCE)]
        return schema

    def _is_plain(self, schema: Json) -> bool:
        schema = self._resolved(schema)
        return not (_types(schema) & {"object", "array"} or schema.keys() & set(COMBINATORS))


def discriminator(branches: Sequence[Json]) -> str | None:
    """Return the member by whose one value every branch can be told from the others."""
    required = [set(branch.get("required", ())) for branch in branches]
    for name in sorted(set.intersection(*required)) if required else ():
        values = [branch.get("properties", {}).get(name, {}).get("enum", ()) for branch in branches]
        if all(len(each) == 1 and isinstance(each[0], str) for each in values):
            return name if len({each[0] for each in values}) == len(values) else None
    return None


def have_types_of_their_own(branches: Sequence[Json]) -> bool:
    """Say whether the type of a value tells which branch it is meant for."""
    types = [name for branch in branches for name in _types(branch)]
    is_typed = bool(branches) and all(map(_types, branches))
    return is_typed and len(set(types)) == len(types) and not {"integer", "number"} <= set(types)


def _of_container(schema: Json, kind: type, inside: Explain) -> Explain:
    """Let what is inside be looked at only if there is not too much of it."""
    types, (what, noun) = _types(schema), ("Properties", "fields") if kind is dict else ("Items", "items")
    least, limit = schema.get(f"min{what}", 0), schema.get(f"max{what}", sys.maxsize)

    def explain(value: Any, path: str) -> Iterator[FieldError]:
        if type(value) is not kind:
            if not _is_one_of(value, types):
                yield _wrong_type(types, path)
        elif len(value) > limit:
            yield _error(path, f"must have at most {limit} {noun}")
        else:
            if len(value) < least:
                yield _error(path, f"must have at least {least} {noun}")
            yield from inside(value, path)

    return explain


def _by_member(name: str, branches: Mapping[Any, Explain]) -> Explain:
    def explain(value: Any, path: str) -> Iterator[FieldError]:
        if type(value) is not dict:
            yield _wrong_type({"object"}, path)
        elif name not in value:
            yield _error(_member(path, name), "is required")
        elif not isinstance(value[name], str) or value[name] not in branches:
            yield _error(_member(path, name), _one_of(branches))
        else:
            yield from branches[value[name]](value, path)

    return explain


def _by_type(branches: Sequence[tuple[set[str], Explain]]) -> Explain:
    def explain(value: Any, path: str) -> Iterator[FieldError]:
        for types, branch in branches:
            if _is_one_of(value, types):
                return branch(value, path)
        return iter([_wrong_type(set().union(*(types for types, _ in branches)), path)])

    return explain


def _of_rule(rule: str, validator: Any) -> Explain:
    def explain(value: Any, path: str) -> Iterator[FieldError]:
        if not validator.is_valid(value):
            yield _error(path, f"does not fit the rule {rule}")

    return explain


def _unknown(_value: Any, path: str) -> Iterator[FieldError]:
    yield _error(path, "is not a known field")


def _anything(_value: Any, _path: str) -> Iterator[FieldError]:
    return iter(())


def _always(_value: Any) -> bool:
    return True


def _never(_value: Any) -> bool:
    return False


def _types(schema: Json) -> set[str]:
    given = schema.get("type", ())
    return {given} if isinstance(given, str) else set(given)


def _is_one_of(value: Any, types: set[str]) -> bool:
    return not types.isdisjoint(_JSON_TYPES.get(type(value), ()))


def _wrong_type(types: set[str], path: str) -> FieldError:
    return _error(path, f"must be of type {' or '.join(sorted(types))}")


def _message(kind: Any, types: set[str]) -> str:
    if kind.name == "type":
        return _wrong_type(types, "")["message"]
    explain = _messages.get(kind.name)
    return explain(kind) if explain else f"does not fit the rule {kind.name}"


def _one_of(options: Any) -> str:
    return f"must be one of {', '.join(str(option) for option in options)}"


def _error(path: str, message: str) -> FieldError:
    return {"field": path, "message": message}


def _member(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
