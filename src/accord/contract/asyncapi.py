"""The description of the live socket: every frame in either direction has its schema there, and only there."""

import copy
from collections.abc import Mapping
from functools import cache
from itertools import takewhile
from typing import Any

import yaml

from accord.contract.bundle import HERE, REPOSITORY, BundleMissing
from accord.contract.openapi_3_1 import schema_3_1
from accord.contract.references import resolve

# The parser in C takes a tenth of the time, and is in every wheel of PyYAML.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


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


def with_events(bundle: Mapping[str, Any]) -> str:
    """Return the document with the events of the contract, as it is served."""
    events = bundle.get("x-events", {})
    if not events:
        return text()
    document: dict[str, Any] = copy.deepcopy(dict(load()))
    names = {kind: event["schema"]["$ref"].rpartition("/")[2] for kind, event in events.items()}
    document["components"]["messages"] |= {names[kind]: _message(bundle, kind, event) for kind, event in events.items()}
    document["channels"]["events"] = {
        "address": None,
        "description": "Events of the journal, as other systems get them.",
        "messages": {kind: {"$ref": f"#/components/messages/{name}"} for kind, name in names.items()},
    }
    document["operations"]["sendEvents"] = {
        "action": "send",
        "summary": "The events that other systems see.",
        "description": "Each has the record's id and version in `data`.",
        "channel": {"$ref": "#/channels/events"},
        "messages": [{"$ref": f"#/channels/events/messages/{kind}"} for kind in events],
    }
    comment = "".join(takewhile(lambda line: line.startswith("#"), text().splitlines(keepends=True)))
    return comment + yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _message(bundle: Mapping[str, Any], kind: str, event: Mapping[str, Any]) -> dict[str, Any]:
    payload = schema_3_1(_inlined(bundle, event["schema"]))
    examples = [{"payload": event["example"]}]
    about = {"name": kind, "title": event["summary"], "contentType": "application/json"}
    return {**about, "payload": payload, "examples": examples}


def _inlined(bundle: Mapping[str, Any], node: Any) -> Any:
    """Return a schema with each reference replaced by what it refers to: this document has components of its own."""
    if isinstance(node, list):
        return [_inlined(bundle, item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _inlined(bundle, value) for key, value in resolve(bundle, node).items()}


def payloads(action: str) -> dict[str, dict[str, Any]]:
    """Return the schema of each message by its `type`: what the server takes is `receive`, what it sends is `send`."""
    document = load()
    matching = (o for o in document["operations"].values() if o["action"] == action)
    references = [message["$ref"] for operation in matching for message in operation["messages"]]
    messages = (resolve(document, resolve(document, {"$ref": reference})) for reference in references)
    return {message["name"]: _standing_alone(document, message["payload"]) for message in messages}


def _standing_alone(document: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    return {**schema, "components": {"schemas": document["components"]["schemas"]}}
