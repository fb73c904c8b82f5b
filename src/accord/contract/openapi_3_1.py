"""The bundle as OpenAPI 3.1, for tools that know 3.1 only."""

from typing import Any

OPAQUE = frozenset({"example", "examples", "value"})
SCHEMA_MAPS = frozenset({"properties"})
SCHEMA_LISTS = frozenset({"allOf", "anyOf", "oneOf"})
SCHEMA_VALUES = frozenset({"items", "additionalProperties", "not"})
BOUNDS = (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum"))


def to_3_1(bundle: dict[str, Any]) -> dict[str, Any]:
    """Return the same contract as OpenAPI 3.1, with the section that webhooks are described in."""
    left_out = {"openapi", "components", "x-events"}
    document = {key: _outside(value) for key, value in bundle.items() if key not in left_out}
    components = {kind: _outside(section) for kind, section in bundle["components"].items() if kind != "schemas"}
    components["schemas"] = {name: schema_3_1(s) for name, s in bundle["components"].get("schemas", {}).items()}
    webhooks = {kind: {"post": _webhook(kind, event)} for kind, event in bundle.get("x-events", {}).items()}
    return {"openapi": "3.1.0", **document, "webhooks": webhooks, "components": components}


def _webhook(kind: str, event: dict[str, Any]) -> dict[str, Any]:
    """Return the request that tells another system of an event."""
    words = kind.replace("_", ".").split(".")
    return {
        "tags": [event["x-domain"]],
        "operationId": words[0] + "".join(word.capitalize() for word in words[1:]),
        "summary": event["summary"],
        "description": f"The event `{kind}`. Any status from 200 to 299 confirms it.",
        "security": [],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": event["schema"], "example": event["example"]}},
        },
        "responses": {"204": {"description": "The event was received."}},
    }


def schema_3_1(schema: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI 3.0 schema in JSON Schema 2020-12, as 3.1 uses it."""
    converted: dict[str, Any] = {key: _keyword(key, value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True:
        converted |= _or_null(converted)
    for exclusive, inclusive in BOUNDS:
        if converted.get(exclusive) is True:
            converted[exclusive] = converted.pop(inclusive)
        elif converted.get(exclusive) is False:
            del converted[exclusive]
    if "example" in converted:
        converted["examples"] = [converted.pop("example")]
    return converted


def _keyword(key: str, value: Any) -> object:
    """Convert the schemas inside one keyword of a schema; data such as `default` stays as it is."""
    if key in SCHEMA_MAPS:
        return {name: schema_3_1(schema) for name, schema in value.items()}
    if key in SCHEMA_LISTS:
        return [schema_3_1(schema) for schema in value]
    is_schema = key in SCHEMA_VALUES and isinstance(value, dict)
    return schema_3_1(value) if is_schema else value


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the type, and the enum if there is one, with null allowed."""
    enum = {"enum": [*schema["enum"], None]} if None not in schema.get("enum", [None]) else {}
    return {"type": [schema["type"], "null"], **enum}


def _outside(node: object) -> object:
    """Convert the schemas below a part of the document that is no schema itself."""
    if isinstance(node, list):
        return [_outside(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: _part(key, value) for key, value in node.items()}


def _part(key: str, value: Any) -> object:
    if key in OPAQUE:
        return value
    return schema_3_1(value) if key == "schema" else _outside(value)
