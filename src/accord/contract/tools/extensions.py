"""The `x-` members of the authored files, checked against openapi/extensions.schema.json."""

import difflib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from accord.contract import bundle
from accord.contract.tools.sources import Document

FILE = bundle.REPOSITORY / "openapi" / "extensions.schema.json"
"""Every extension with the place where it stands, its values, its meaning and an example."""
PLACES = ("domain", "operation", "schema")
"""The definitions of that file whose properties include extensions."""


def problems(name: str, document: Document) -> Iterator[str]:
    """Yield a sentence for each `x-` member of a file that is unknown at its place or has a wrong value."""
    known, validator = _compiled()
    for error in validator.iter_errors(document):
        where = f"{name}: /{'/'.join(str(step).replace('/', '~1') for step in error.instance_path)}"
        members = getattr(error.kind, "unexpected", ())
        for member in members:
            yield f"{where} has {member!r}; {_advice(known, error.schema_path[:-1], member)}."
        if not members:
            yield f"{where}: {error.message}; openapi/extensions.schema.json says what it is."


def schema() -> Mapping[str, Any]:
    """Return the JSON Schema of the authored files."""
    return json.loads(FILE.read_text("utf-8"))


@cache
def _compiled() -> tuple[Mapping[str, Any], jsonschema_rs.Draft202012Validator]:
    known = schema()
    return known, jsonschema_rs.Draft202012Validator(dict(known))


def _advice(schema: Mapping[str, Any], path: list[str | int], member: str) -> str:
    """Return where the member belongs, which known member is spelt most like it, or which ones are known."""
    for place in PLACES:
        part = schema["$defs"][place]
        if member in part["properties"]:
            return f"it stands {part['title'][0].lower()}{part['title'][1:]}"
    here: Any = schema
    for step in path:
        here = here[step]
    is_place = "patternProperties" in here
    known = [name for name in here["properties"] if name.startswith("x-") or not is_place]
    near = difflib.get_close_matches(member, known, n=1)
    if near:
        return f"write {near[0]}, or remove it"
    return f"it may have {', '.join(known)}" if known else "no extension stands there, remove it"
