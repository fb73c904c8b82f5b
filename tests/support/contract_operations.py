"""The operations that tests go through one by one, as the contract has them, tomorrow's too."""

import json
from typing import Any

from accord.contract import bundle
from accord.contract.operations import Operation, Parameter, operations
from accord.contract.references import resolve

DOCUMENT = bundle.load()
"""The contract; every look at the bundle would parse it anew."""
OPERATIONS = list(operations(DOCUMENT))
WITH_BODY = [operation for operation in OPERATIONS if operation.body_schema is not None]
WITHOUT_BODY = [operation for operation in OPERATIONS if operation.body_schema is None]
NAMED: dict[str, Any] = {"ids": lambda value: value.id if isinstance(value, Operation) else None}


def path_of(operation: Operation, **ids: str) -> str:
    """Return the path with these ids in it, and the contract's examples for others."""
    path = operation.path
    for parameter in parameters(operation, "path"):
        path = path.replace(f"{{{parameter.name}}}", ids.get(parameter.name) or example_of(operation, parameter.name))
    return path


def example_of(operation: Operation, name: str) -> str:
    """Return the value that the contract gives as an example for a parameter."""
    found = (*DOCUMENT["paths"][operation.path].get("parameters", ()), *operation.definition.get("parameters", ()))
    return next(str(p["example"]) for p in (resolve(DOCUMENT, p) for p in found) if p["name"] == name)


def parameters(operation: Operation, place: str) -> list[Parameter]:
    return [parameter for parameter in operation.parameters if parameter.place == place]


def example_body(operation: Operation) -> dict[str, Any]:
    """Return the body that the contract gives as an example."""
    content = resolve(DOCUMENT, operation.definition["requestBody"])["content"]["application/json"]
    example = content.get("example") or next(iter(content["examples"].values()))["value"]
    return json.loads(json.dumps(example))


def example_query(operation: Operation) -> dict[str, Any]:
    """Return a value for each query parameter that must be there."""
    definitions = [resolve(DOCUMENT, d) for d in operation.definition.get("parameters", ())]
    return {d["name"]: d["example"] for d in definitions if d["in"] == "query" and d.get("required")}


def body_properties(operation: Operation) -> dict[str, Any]:
    """Return the fields that a body may have."""
    schema = resolve(DOCUMENT, operation.body_schema)
    return {name: resolve(DOCUMENT, property_) for name, property_ in schema["properties"].items()}
