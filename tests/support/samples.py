"""Records for the tests that go through every operation: found from the contract, for tomorrow's operations too.

What a path parameter such as `taskId` names is made by `task(owner)` in `tests/flows/<domain>/samples.py` where there
is one, and else as the contract shows it: by the example of the operation that creates one, below parents made alike.
"""

import importlib
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import versioned
from contract_operations import example_body, parameters, path_of
from given import Account, details
from versioned import Resource

from accord.contract.names import snake_case
from accord.contract.operations import Operation

FLOWS = Path(__file__).parents[1] / "flows"
Sample = Callable[..., Awaitable[dict[str, Any]]]


async def sample(name: str, owner: Account) -> dict[str, Any]:
    """Return a record of the owner's that the path parameter of this name can name."""
    by_hand = sample_by_hand(snake_case(name).removesuffix("_id"))
    if by_hand is not None:
        return await by_hand(owner)
    resource = resource_of(name)
    assert resource is not None, (
        f"Nothing tells what {name} names: give a schema x-record with an operation that reads it by {name}, or write"
        f" `async def {snake_case(name).removesuffix('_id')}(owner)` into tests/flows/<domain>/samples.py."
    )
    return await created(resource, owner)


async def created(resource: Resource, owner: Account, ids: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a record that the owner created, below these records or below new ones."""
    known = await ids_for([resource.create], owner, ids or {})
    response = await owner.http.post(path_of(resource.create, **known), json=body_of(resource.create))
    assert response.status_code == 201, response.text
    return response.json()


async def ids_for(operations: Iterable[Operation], owner: Account, known: dict[str, str]) -> dict[str, str]:
    """Return an id for each path parameter of the operations; what a record is below of is taken from the record."""
    ids = dict(known)
    for name in dict.fromkeys(p.name for operation in operations for p in parameters(operation, "path")):
        if name not in ids:
            record = await sample(name, owner)
            ids |= {field: value for field, value in record.items() if field.endswith("Id") and resource_of(field)}
            ids[name] = record["id"]
    return ids


def body_of(operation: Operation) -> dict[str, Any]:
    """Return the example of the body, with what only one record may have made anew."""
    body = example_body(operation)
    return body | (details(role="customer") if "email" in body else {})


def resource_of(name: str) -> Resource | None:
    """Return the resource whose records a path parameter names."""
    return next((r for r in versioned.resources().values() if r.id_name == name), None)


@cache
def sample_by_hand(name: str) -> Sample | None:
    """Return the function of this name in the samples of some domain."""
    for file in sorted(FLOWS.glob("*/samples.py")):
        found = getattr(importlib.import_module(f"flows.{file.parent.name}.samples"), name, None)
        if found is not None:
            return found
    return None
