"""The changes of a contract that break clients which were written for another (C-7).

Requests must stay accepted, and responses must keep their fields: so the two directions are compared by opposite rules.
New operations, new optional input and new fields of responses break no client.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from accord.contract import bundle
from accord.contract.operations import METHODS
from accord.contract.references import resolve

RELEASED = bundle.REPOSITORY / "openapi" / "released.json"
CHANGELOG = bundle.REPOSITORY / "CHANGELOG.md"

Node = Mapping[str, Any]

LOWER_BOUNDS = ("minimum", "minLength", "minItems", "minProperties")
UPPER_BOUNDS = ("maximum", "maxLength", "maxItems", "maxProperties")
RULES = ("pattern", "format", "multipleOf", "uniqueItems")
ANY_TEXT = r"^[^\u0000]*$"
"""The pattern that refuses nothing: NUL is no text anywhere."""
UNRELEASED = re.compile(r"^## \[Unreleased\]$(.*?)(?=^## \[|\Z)", re.MULTILINE | re.DOTALL)


class Side(NamedTuple):
    """A contract, and a part of it."""

    contract: Node
    node: Node

    def at(self, *names: str) -> "Side":
        """Return the part of this name, empty where there is none; references are followed."""
        node: Any = self.node
        for name in names:
            node = resolve(self.contract, node).get(name, {})
        return Side(self.contract, resolve(self.contract, node))

    def of(self, node: Node) -> "Side":
        """Return a part that has no name."""
        return Side(self.contract, resolve(self.contract, node))


Compare = Callable[[str, Side, Side], Iterator[str]]
"""Compares two schemas at a place, in one direction."""


def problems() -> list[str]:
    """Return what breaks clients of the last release and is not in the changelog."""
    found = changes(json.loads(RELEASED.read_bytes()), bundle.load())
    return [
        f"`{change}` breaks clients: undo it, or list it like this under [Unreleased] in CHANGELOG.md."
        for change in unlisted(found, CHANGELOG.read_text())
    ]


def release() -> None:
    """Keep the contract as the last released one."""
    RELEASED.write_bytes(bundle.path().read_bytes())


def changes(released: Node, current: Node) -> list[str]:
    """Return what breaks clients of the released contract, a line each, beginning with the operationId or event."""
    after = _operations(current)
    found: list[str] = []
    for name, operation in _operations(released).items():
        if name not in after:
            found.append(f"{name}: is not there")
        else:
            found += [f"{name}: {change}" for change in _operation(operation, after[name])]
    return [*found, *_events(released, current)]


def unlisted(found: list[str], changelog: str) -> list[str]:
    """Return the changes that the changelog does not list, each in backticks, as unreleased."""
    section = UNRELEASED.search(changelog)
    listed = section[1] if section else ""
    return [change for change in found if f"`{change}`" not in listed]


def _events(released: Node, current: Node) -> Iterator[str]:
    """Compare the messages of events."""
    after = current.get("x-events", {})
    for kind, event in released.get("x-events", {}).items():
        if kind not in after:
            yield f"{kind}: is not there"
        else:
            schemas = Side(released, event).at("schema"), Side(current, after[kind]).at("schema")
            yield from (f"{kind}: {change}" for change in _output("event", *schemas))


def _operations(contract: Node) -> dict[str, Side]:
    found: dict[str, Side] = {}
    for path, item in contract["paths"].items():
        for method in METHODS:
            if method in item:
                operation = item[method]
                parameters = [*item.get("parameters", ()), *operation.get("parameters", ())]
                node = {**operation, "parameters": parameters, "address": f"{method.upper()} {path}"}
                found[operation["operationId"]] = Side(contract, node)
    return found


def _operation(before: Side, after: Side) -> Iterator[str]:
    if before.node["address"] != after.node["address"]:
        yield f"is {after.node['address']}, was {before.node['address']}"
    if before.node.get("x-permission") != after.node.get("x-permission") and "x-permission" in after.node:
        yield f"needs the permission {after.node['x-permission']}"
    yield from _parameters(before, after)
    yield from _request(before.at("requestBody"), after.at("requestBody"))
    for status in before.node["responses"]:
        if status.startswith("2"):
            yield from _response(status, before, after)


def _parameters(before: Side, after: Side) -> Iterator[str]:
    old, new = _by_name(before), _by_name(after)
    for name, parameter in old.items():
        if name not in new:
            yield f"parameter {name} is not taken"
        else:
            yield from _input(f"parameter {name}", parameter.at("schema"), new[name].at("schema"))
    for name, parameter in new.items():
        if parameter.node.get("required") and not (name in old and old[name].node.get("required")):
            yield f"parameter {name} is required"


def _by_name(operation: Side) -> dict[str, Side]:
    parameters = map(operation.of, operation.node["parameters"])
    return {f"{parameter.node['name']} in {parameter.node['in']}": parameter for parameter in parameters}


def _request(before: Side, after: Side) -> Iterator[str]:
    if after.node.get("required") and not before.node.get("required"):
        yield "request is required"
    for media, content in before.node.get("content", {}).items():
        if media not in after.node.get("content", {}):
            yield f"request is not taken as {media}"
        elif "schema" in content:
            yield from _input("request", before.at("content", media, "schema"), after.at("content", media, "schema"))


def _response(status: str, before: Side, after: Side) -> Iterator[str]:
    if status not in after.node["responses"]:
        yield f"response {status} is not given"
        return
    old, new = before.at("responses", status), after.at("responses", status)
    for media, content in old.node.get("content", {}).items():
        if media not in new.node.get("content", {}):
            yield f"response {status} is not given as {media}"
        elif "schema" in content:
            place = f"response {status}"
            yield from _output(place, old.at("content", media, "schema"), new.at("content", media, "schema"))


def _input(place: str, before: Side, after: Side) -> Iterator[str]:
    """Compare what may be sent."""
    yield from _kind(place, before, after)
    if before.node.get("nullable") and not after.node.get("nullable"):
        yield f"{place} must not be null"
    for name in sorted({*after.node.get("required", ())} - {*before.node.get("required", ())}):
        yield f"{place}.{name} is required"
    # The format of a number says how wide a client's variable must be, and refuses nothing.
    ignored = {"format"} if after.node.get("type") in {"number", "integer"} else set[str]()
    for rule in (*LOWER_BOUNDS, *UPPER_BOUNDS, *RULES):
        if rule not in ignored and _is_stricter(rule, before.node.get(rule), after.node.get(rule)):
            yield f"{place} has the {rule} {after.node[rule]}"
    yield from _inside(place, before, after, _input)


def _output(place: str, before: Side, after: Side) -> Iterator[str]:
    """Compare responses."""
    yield from _kind(place, before, after)
    if after.node.get("nullable") and not before.node.get("nullable"):
        yield f"{place} may be null"
    properties = after.node.get("properties", {})
    for name in sorted({*before.node.get("required", ())} - {*after.node.get("required", ())}):
        if name in properties:
            yield f"{place}.{name} may be left out"
    yield from _inside(place, before, after, _output)


def _kind(place: str, before: Side, after: Side) -> Iterator[str]:
    old, new = before.node.get("type"), after.node.get("type")
    if old is not None and old != new:
        yield f"{place} is of type {new}, was {old}"
    if "enum" in after.node:
        for value in before.node.get("enum", ()):
            if value not in after.node["enum"]:
                yield f"{place} is never {value}"
        if "enum" not in before.node:
            yield f"{place} is one of {', '.join(map(str, after.node['enum']))}"


def _is_stricter(rule: str, before: Any, after: Any) -> bool:
    if after is None or after is False or after in (before, ANY_TEXT):
        return False
    if before is None or rule in RULES:
        return True
    return after > before if rule in LOWER_BOUNDS else after < before


def _inside(place: str, before: Side, after: Side, compare: Compare) -> Iterator[str]:
    """Compare what the schemas consist of."""
    new = after.node.get("properties", {})
    for name, schema in before.node.get("properties", {}).items():
        if name in new:
            yield from compare(f"{place}.{name}", before.of(schema), after.of(new[name]))
        else:
            yield f"{place}.{name} is not there"
    for word, shown in (("items", "[]"), ("additionalProperties", ".*")):
        schemas = before.node.get(word), after.node.get(word)
        if all(isinstance(schema, Mapping) for schema in schemas):
            yield from compare(f"{place}{shown}", before.at(word), after.at(word))
        elif isinstance(schemas[0], Mapping) or (schemas[0] is True and schemas[1] is False):
            yield f"{place}{shown} is not there"
    for word in ("oneOf", "anyOf", "allOf"):
        yield from _variants(place, before, after, word, compare)


def _variants(place: str, before: Side, after: Side, word: str, compare: Compare) -> Iterator[str]:
    """Find for each variant one that breaks nothing."""
    variants = [after.of(schema) for schema in after.node.get(word, ())]
    for number, schema in enumerate(before.node.get(word, ())):
        broken = partial(compare, f"{place} ({number})", before.of(schema))
        if all(any(True for _ in broken(variant)) for variant in variants):
            name = str(schema.get("$ref", number)).rpartition("/")[2]
            yield f"{place} is never {name}, or that is less than it was"
