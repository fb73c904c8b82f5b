"""The events of domain files, completed: each with the schema and the example of the whole message."""

from collections.abc import Iterator, Mapping
from typing import Any

from accord.contract.tools.sources import Document, Source

_ID = "01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f"


def schema_name(kind: str) -> str:
    """Return the name of the component for a type of event: `member.role_changed` → `MemberRoleChangedEvent`."""
    return "".join(word.capitalize() for word in kind.replace("_", ".").split(".")) + "Event"


def schemas(sources: list[Source]) -> Document:
    """Return the component of each event."""
    return {schema_name(kind): _schema(kind, event) for source in sources for kind, event in source.events.items()}


def completed(sources: list[Source]) -> Document:
    """Return the events by type, as the bundle has them."""
    return {kind: _event(source, kind, event) for source in sources for kind, event in source.events.items()}


def problems(sources: list[Source]) -> Iterator[str]:
    """Say which components have the name of an event's."""
    made = schemas(sources)
    for source in sources:
        for name in source.components("schemas"):
            if name in made:
                yield f"{source.name}: the schema {name} has the name of an event's; rename it."


def _event(source: Source, kind: str, event: Mapping[str, Any]) -> Document:
    example = {
        "type": kind,
        "timestamp": "2026-01-31T09:30:00.000000Z",
        "id": _ID,
        "position": 42,
        "organisationId": None,
        "data": event["example"],
    }
    schema = {"$ref": f"#/components/schemas/{schema_name(kind)}"}
    return {"x-domain": source.domain, "summary": event["summary"], "schema": schema, "example": example}


def _schema(kind: str, event: Mapping[str, Any]) -> Document:
    properties = {
        "type": {"type": "string", "enum": [kind]},
        "timestamp": {"$ref": "#/components/schemas/Timestamp"},
        "id": {"$ref": "#/components/schemas/Uuid"},
        "position": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
        "organisationId": {"$ref": "#/components/schemas/UuidOrNull"},
        "data": event["schema"],
    }
    return {
        "description": f"The event {kind}, with its position in the journal. {event['summary']}.",
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }
