"""Every example is valid, so that the docs can send it and a reader can trust it."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from accord.contract.laws.document import Json, contents, examples, operations, schemas
from accord.contract.openapi_3_1 import schema_3_1


def is_shown_with_valid_examples(bundle: Json) -> Iterator[str]:
    """Check requests, responses, parameters, headers and schemas."""
    named = {name: schema_3_1(schema) for name, schema in bundle.get("components", {}).get("schemas", {}).items()}
    for where, schema, example in _shown(bundle):
        validator = jsonschema_rs.Draft202012Validator(
            {**schema_3_1(schema), "components": {"schemas": named}}, validate_formats=True
        )
        for error in validator.iter_errors(example):
            path = "/".join(str(step) for step in error.instance_path)
            yield f"{where}: the example is not valid at /{path}: {error.message}"


def _shown(bundle: Json) -> Iterator[tuple[str, Json, Any]]:
    """Yield the place, the schema and each example of whatever has one."""
    for operation in operations(bundle):
        for where, _, content in contents(operation):
            yield from _each(where, content)
        for parameter in operation.parameters:
            yield from _each(f"{operation.where}, parameter {parameter.get('name')}", parameter)
    for kind, event in bundle.get("x-events", {}).items():
        yield from _each(f"event {kind}", event)
    for name, header in bundle.get("components", {}).get("headers", {}).items():
        yield from _each(f"header {name}", header)
    for where, schema in schemas(bundle):
        if "example" in schema:
            yield where, schema, schema["example"]


def _each(where: str, holder: Json) -> Iterator[tuple[str, Json, Any]]:
    for example in examples(holder):
        yield where, holder.get("schema", {}), example


def shows_one_version(bundle: Json) -> Iterator[str]:
    """The docs send all examples of a request together, and If-Match must agree with expectedVersion."""
    for operation in operations(bundle):
        of = {p.get("name"): examples(p) for p in operation.parameters}
        bodies = [e for c in operation.body.get("content", {}).values() for e in examples(c)]
        versions = [e["expectedVersion"] for e in bodies if "expectedVersion" in e] + of.get("expectedVersion", [])
        tags = of.get("If-Match", [])
        if any(tag != f'"{version}"' for tag in tags for version in versions):
            yield f"{operation.where}: the example of expectedVersion must be that of If-Match, {tags[0]}."


RULES = (is_shown_with_valid_examples, shows_one_version)
