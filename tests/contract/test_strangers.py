"""What has an id in its path tells a stranger nothing: what is foreign answers like what is unknown (law 5, P-4)."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from contract_operations import (
    NAMED,
    OPERATIONS,
    body_properties,
    example_body,
    example_query,
    parameters,
    path_of,
)

from accord.contract.operations import Operation

WITH_AN_ID = [operation for operation in OPERATIONS if parameters(operation, "path")]
OF_THE_PATH = {"instance", "requestId"}
OF_THE_REQUEST = {"date", "ratelimit", "x-request-id", "x-trace-id"}


async def called(http: httpx.AsyncClient, operation: Operation, ids: dict[str, str], version: int) -> httpx.Response:
    """Call an operation as its contract wants it, on the records of these ids."""
    stated = {"expectedVersion": version, "userId": ids["userId"]}
    request: dict[str, Any] = {"params": {name: stated.get(name, v) for name, v in example_query(operation).items()}}
    if operation.body_schema is not None:
        stated = {name: value for name, value in stated.items() if name in body_properties(operation)}
        request["json"] = example_body(operation) | stated
    return await http.request(operation.method, path_of(operation, **ids), **request)


@pytest.mark.parametrize("operation", WITH_AN_ID, **NAMED)
async def test_a_stranger_gets_the_same_answer_for_what_is_foreign_and_what_is_unknown(given, operation):
    owner, stranger = await given.an_account(), await given.an_account()
    talk = (await owner.post("/api/v1/conversations", title="Plans")).json()
    said = (await owner.post(f"/api/v1/conversations/{talk['id']}/messages", text="Hello")).json()
    foreign = {"userId": owner.id, "conversationId": talk["id"], "messageId": said["id"]}
    unknown = {name: str(uuid4()) for name in foreign}

    answers = [await called(stranger.http, operation, ids, version) for ids in (foreign, unknown) for version in (1, 2)]

    assert foreign.keys() >= {parameter.name for parameter in parameters(operation, "path")}
    assert {answer.status_code for answer in answers} in ({403}, {404})
    told = [{name: value for name, value in answer.json().items() if name not in OF_THE_PATH} for answer in answers]
    assert told == [told[0]] * 4
    headers = [{n: v for n, v in answer.headers.items() if n not in OF_THE_REQUEST} for answer in answers]
    assert headers == [headers[0]] * 4
