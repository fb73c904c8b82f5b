"""A-6 for every operation, also tomorrow's: 401 before 403 before 400, and all of them before the flow."""

from typing import Any
from uuid import uuid4

import pytest

from accord.contract import bundle
from accord.contract.operations import Operation, operations
from accord.security.permissions import allows, permissions_of

OPERATIONS = list(operations(bundle.load()))
SIGNED_IN = [operation for operation in OPERATIONS if operation.access == "signed-in"]
FOR_ADMINISTRATORS = [o for o in SIGNED_IN if not allows(permissions_of("customer"), o.permission or "self")]
REFUSABLE = [o for o in SIGNED_IN if o.body_schema or any(p.place == "query" for p in o.parameters)]
NAMED = {"ids": lambda operation: operation.id}


def nonsense(operation: Operation) -> dict[str, Any]:
    """Return a request that validation refuses, if it comes to that."""
    path = operation.path
    for parameter in operation.parameters:
        if parameter.place == "path":
            value = str(uuid4()) if parameter.schema.get("format") == "uuid" else "nonsense"
            path = path.replace(f"{{{parameter.name}}}", value)
    request: dict[str, Any] = {"method": operation.method, "url": path, "params": {"nonsense": "1"}}
    return request | ({"json": {"nonsense": 1}} if operation.body_schema else {})


@pytest.mark.parametrize("operation", SIGNED_IN, **NAMED)
async def test_401_comes_before_every_other_error(given, operation):
    response = await (await given.somebody()).request(**nonsense(operation))

    assert (response.status_code, response.json()["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("operation", FOR_ADMINISTRATORS, **NAMED)
async def test_403_comes_before_validation(given, operation):
    customer = await given.an_account()

    response = await customer.http.request(**nonsense(operation))

    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("operation", REFUSABLE, **NAMED)
async def test_validation_comes_before_the_lookup(given, operation):
    root = await given.root()

    response = await root.http.request(**nonsense(operation))

    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
    assert await given.entries(response) == []
