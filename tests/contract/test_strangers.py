"""Every operation, found from the contract, as those who may not use it find it (law 5, P-4)."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest
import samples
from contract_operations import (
    NAMED,
    OPERATIONS,
    body_properties,
    example_body,
    example_query,
    parameters,
    path_of,
)
from given import Given

from accord.contract.operations import Operation
from accord.security.tokens import AccessTokens
from accord.settings import Settings

SIGNED_IN = [operation for operation in OPERATIONS if operation.access == "signed-in"]
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
async def test_a_stranger_gets_the_same_response_for_foreign_and_unknown_records(given, operation):
    owner, stranger = await given.an_account(), await given.an_account()
    foreign = {"userId": owner.id} | await samples.ids_for([operation], owner, {})
    # Of the same length: the path is in the response.
    unknown = {name: str(uuid4())[: len(known)] for name, known in foreign.items()}

    responses = [
        await called(stranger.http, operation, ids, version) for ids in (foreign, unknown) for version in (1, 2)
    ]

    assert {response.status_code for response in responses} in ({403}, {404})
    told = [
        {name: value for name, value in response.json().items() if name not in OF_THE_PATH} for response in responses
    ]
    assert told == [told[0]] * 4
    headers = [{n: v for n, v in response.headers.items() if n not in OF_THE_REQUEST} for response in responses]
    assert headers == [headers[0]] * 4


@pytest.fixture(scope="module")
async def no_longer_good(service) -> AsyncIterator[list[tuple[str, httpx.AsyncClient]]]:
    """What clients are told whose token is good no more, and these clients."""
    async with AsyncExitStack() as stack:
        given = Given(service, stack)
        late, disabled, deleted = [await given.an_account() for _ in range(3)]
        session = (await late.get("/api/v1/auth/session")).json()["session"]["id"]
        tokens = AccessTokens(Settings(data_dir=service.folder / "data"))
        late.http.headers["authorization"] = f"Bearer {tokens.issue(late.id, session, time.time() - 3600)}"
        root = await given.root()
        await root.patch(f"/api/v1/users/{disabled.id}", expectedVersion=1, disabled=True)
        await root.delete(f"/api/v1/users/{deleted.id}", expectedVersion=1)
        yield [("TOKEN_EXPIRED", late.http), ("UNAUTHORIZED", disabled.http), ("UNAUTHORIZED", deleted.http)]


@pytest.mark.parametrize("operation", SIGNED_IN, **NAMED)
async def test_an_expired_token_and_those_of_accounts_that_ended_are_nobodys(no_longer_good, operation):
    ids = {parameter.name: str(uuid4()) for parameter in parameters(operation, "path")} | {"userId": str(uuid4())}

    for code, http in no_longer_good:
        response = await called(http, operation, ids, version=1)

        assert (response.status_code, response.json()["code"]) == (401, code)
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
