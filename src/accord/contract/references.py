"""The references of a document, `$ref: '#/…'`: all of them point inside of it."""

from collections.abc import Iterator, Mapping
from typing import Any


def resolve(document: Mapping[str, Any], node: Any) -> Any:
    """Return the part of the document that the node refers to, or the node itself when it is no reference."""
    while "$ref" in node:
        target: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def references(node: object) -> Iterator[str]:
    """Yield every `$ref` in a part of a document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)
