"""Bodies of a mebibyte that are as much work as their schema lets them be, made from the schema alone."""

import json
from collections.abc import Iterator
from typing import Any

from contract_operations import DOCUMENT, example_body

from accord.contract.operations import Operation
from accord.contract.references import resolve

LIMIT = 1_048_576
SIZE = LIMIT - 1000
"""What fills a body leaves room for the rest."""


def _list_of(item: bytes, size: int = SIZE) -> bytes:
    return b"[" + b",".join([item] * (size // (len(item) + 1) - 1)) + b"]"


def _object_of(members: Iterator[bytes]) -> bytes:
    return b"{" + b",".join(members) + b"}"


FILLERS = {
    "empty objects": _list_of(b"{}"),
    "as many objects as may be": _list_of(b"{}", 3 * 65_000) + b" " * (SIZE - 3 * 65_000),
    "objects of one member": _list_of(b'{"":1}'),
    "lists in lists": _list_of(b"[" * 60 + b"]" * 60),
    "numbers": _list_of(b"1"),
    "long numbers": _list_of(b"1" * 19),
    "empty texts": _list_of(b'""'),
    "short texts": _list_of(b'"a:"'),
    "unknown members": _object_of(b'"%x":0' % number for number in range(SIZE // 10)),
    "the same member": _object_of(b'"a":0' for _ in range(SIZE // 6)),
    "one long text": b'"' + b"a" * (SIZE - 2) + b'"',
    "one text of accents": b'"' + "a\u0300\u0316".encode() * (SIZE // 5) + b'"',
    "one text of backslashes": b'"' + rb"\"" * (SIZE // 2 - 1) + b'"',
}


def worst_bodies(operation: Operation) -> Iterator[tuple[str, bytes]]:
    """Yield bodies with a word for each: every filler at every place, and as much as fits with one fault at the end."""
    example = example_body(operation)
    for what, filler in FILLERS.items():
        yield what, filler
        for place in ["unknown", *_places(resolve(DOCUMENT, operation.body_schema))]:
            yield f"{what} at {place}", _with(example, place, filler)
        # The last of two members counts, so that all is well but for the text.
        name = next(iter(example))
        yield f"{what} twice", b'{"%s":%s,' % (name.encode(), filler) + json.dumps(example).encode()[1:]
    for name, value in example.items():
        schema = resolve(DOCUMENT, resolve(DOCUMENT, operation.body_schema)["properties"][name])
        if schema.get("type") == "array":
            for what, item in _items(schema["items"], value[0]):
                count = min(schema["maxItems"], SIZE // (len(item) + 1)) - 1
                yield f"{what} at {name}", _with(example, name, b"[" + (item + b",") * count + b"{}]")


def _places(schema: dict[str, Any]) -> list[str]:
    return list(schema["properties"])


def _with(example: dict[str, Any], name: str, value: bytes) -> bytes:
    others = json.dumps({other: given for other, given in example.items() if other != name})
    return others.encode()[:-1] + (b"," if len(others) > len("{}") else b"") + b'"%s":%s}' % (name.encode(), value)


def _items(schema: dict[str, Any], example: Any) -> Iterator[tuple[str, bytes]]:
    """Yield items that fit, the largest too."""
    yield "good items", json.dumps(example).encode()
    for branch in (resolve(DOCUMENT, each) for each in resolve(DOCUMENT, schema).get("oneOf", ())):
        yield "branches", json.dumps({name: _largest(child) for name, child in branch["properties"].items()}).encode()


def _largest(schema: dict[str, Any]) -> Any:
    """Return a value that is as many values as the schema lets it be, and nearly fits."""
    schema = resolve(DOCUMENT, schema)
    if "oneOf" in schema:
        return _largest(schema["oneOf"][-1])
    if schema.get("type") == "array":
        return [_largest(schema["items"])] * schema["maxItems"]
    if schema.get("type") == "object":
        return {f"a{number}": _largest(schema["additionalProperties"]) for number in range(schema["maxProperties"])}
    return schema.get("enum", ["a"])[0] if schema.get("format") != "uuid" else schema["example"]
