"""The description of the live socket: every frame in either direction has its schema there, and only there."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from accord.contract.bundle import HERE, REPOSITORY, BundleMissing
from accord.contract.references import resolve

# The parser in C takes a tenth of the time, and is in every wheel of PyYAML.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def text() -> str:
    """Return the document as it was written: from the installed package, else from the repository."""
    for candidate in (HERE / "asyncapi.yaml", REPOSITORY / "openapi" / "asyncapi.yaml"):
        if candidate.is_file():
            return candidate.read_text("utf-8")
    raise BundleMissing


@cache
def load() -> Mapping[str, Any]:
    """Return the document."""
    return yaml.load(text(), _Loader)  # noqa: S506 - either loader is the safe one


def payloads(action: str) -> dict[str, dict[str, Any]]:
    """Return the schema of each message by its `type`: what the server takes is `receive`, what it sends is `send`."""
    document = load()
    matching = (o for o in document["operations"].values() if o["action"] == action)
    references = [message["$ref"] for operation in matching for message in operation["messages"]]
    messages = (resolve(document, resolve(document, {"$ref": reference})) for reference in references)
    return {message["name"]: _standing_alone(document, message["payload"]) for message in messages}


def _standing_alone(document: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "components": {"schemas": document["components"]["schemas"]}}
