"""Every example of the contract is a request that the service takes (C-6), with all its optional parts."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from running import Service

from accord.contract import bundle
from accord.contract.operations import Operation, operations
from accord.contract.references import resolve

DOCUMENT = bundle.load()
NOT_TAKEN = {400, 406, 413, 415, 422}


@pytest.fixture(autouse=True, scope="module")
def unpaused(service: Service) -> Iterator[None]:
    """Let go on what the examples pause: later tests wait for jobs."""
    yield
    with psycopg.connect(service.database_url) as connection:
        connection.execute("UPDATE accord.queues SET paused = false, version = version + 1 WHERE paused")
        connection.execute("UPDATE accord.schedules SET paused = false, version = version + 1 WHERE paused")


def bodies(definition: dict[str, Any]) -> Iterator[Any]:
    """Yield each example of the request body; None when there is no body."""
    content = resolve(DOCUMENT, definition.get("requestBody", {})).get("content")
    if content is None:
        yield None
        return
    media = content["application/json"]
    yield from (resolve(DOCUMENT, one)["value"] for one in media.get("examples", {}).values())
    if "example" in media:
        yield media["example"]


def examples() -> Iterator[Any]:
    for operation in operations(DOCUMENT):
        for number, body in enumerate(bodies(operation.definition), 1):
            yield pytest.param(operation, body, id=f"{operation.id}-{number}")


def parameters(operation: Operation) -> list[dict[str, Any]]:
    item = DOCUMENT["paths"][operation.path]
    declared = (*item.get("parameters", ()), *operation.definition.get("parameters", ()))
    return [resolve(DOCUMENT, parameter) for parameter in declared]


@pytest.mark.parametrize(("operation", "body"), list(examples()))
async def test_the_example_is_taken(operation, body, given):
    caller = await given.root() if operation.permission == "admin:all" else await given.an_admin()
    path, query, headers = operation.path, {}, {}
    for parameter in parameters(operation):
        name, example = parameter["name"], parameter["example"]
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", quote(str(example), safe=""))
        elif parameter["in"] == "query":
            query[name] = example
        else:
            headers[name] = str(example)
    content = None if body is None else json.dumps(body)
    if content is not None:
        headers["Content-Type"] = "application/json"

    response = await caller.http.request(operation.method, path, params=query, headers=headers, content=content)

    assert response.status_code < 500, response.text
    assert response.status_code not in NOT_TAKEN, response.text
    names_a_record = any(parameter["required"] for parameter in parameters(operation) if "required" in parameter)
    if operation.permission == "self" and not names_a_record:
        assert response.is_success, response.text
