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
            path = path.replace(f"{{{parameter.name}}}", str(uuid4()))
    request: dict[str, Any] = {"method": operation.method, "url": path, "params": {"nonsense": "1"}}
    return request | ({"json": {"nonsense": 1}} if operation.body_schema else {})


@pytest.mark.parametrize("operation", SIGNED_IN, **NAMED)
async def test_who_is_not_signed_in_is_told_so_first(given, operation):
    answer = await (await given.somebody()).request(**nonsense(operation))

    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("operation", FOR_ADMINISTRATORS, **NAMED)
async def test_who_may_not_is_told_so_before_the_request_is_judged(given, operation):
    customer = await given.an_account()

    answer = await customer.http.request(**nonsense(operation))

    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("operation", REFUSABLE, **NAMED)
async def test_who_may_is_told_what_is_wrong_before_anything_is_looked_up(given, operation):
    root = await given.root()

    answer = await root.http.request(**nonsense(operation))

    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert await given.entries(answer) == []
