"""V-3 at the edge, for every operation that takes or gives an ETag: 304, 412 and 400."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from accord.contract import bundle
from accord.contract.operations import Operation, operations, resolve

OPERATIONS = {operation.id: operation for operation in operations(bundle.load())}
NAMED = {"ids": lambda operation: operation.id}


def taking(header: str) -> list[Operation]:
    return [o for o in OPERATIONS.values() if any(p.name == header and p.place == "header" for p in o.parameters)]


def on_accounts(header: str) -> list[Operation]:
    """Return the operations to drive: the edge treats those of other domains alike, and they test their own."""
    return [operation for operation in taking(header) if operation.domain == "accounts"]


def giving_a_tag(operation: Operation) -> bool:
    answer = resolve(bundle.load(), operation.definition["responses"][str(operation.success_status)])
    return "ETag" in answer.get("headers", {})


@dataclass
class Record:
    """An account, and whoever may do anything to it."""

    user: dict[str, Any]
    own: httpx.AsyncClient
    root: httpx.AsyncClient

    async def call(self, operation: Operation, version: int | None = None, **headers: str) -> httpx.Response:
        """Call an operation on the account; `version` is what the caller says that they read."""
        request: dict[str, Any] = {"headers": {name.replace("_", "-"): value for name, value in headers.items()}}
        if operation.body_schema is not None:
            request["json"] = {"expectedVersion": version, "firstName": "Grace"}
        elif operation.method == "DELETE":
            request["params"] = {"expectedVersion": version}
        elif operation.id == "getUserByEmail":
            request["params"] = {"email": self.user["email"]}
        client = self.own if operation.path == "/api/v1/me" else self.root
        return await client.request(operation.method, operation.path.replace("{userId}", self.user["id"]), **request)


@pytest.fixture
async def record(given) -> Record:
    """An account at version 7."""
    me, root = await given.an_account(version=7), await given.root()
    return Record(me.user, me.http, root.http)


def test_every_operation_that_gives_a_tag_for_a_record_takes_it_back():
    reads = {operation.id for operation in OPERATIONS.values() if operation.method == "GET" and giving_a_tag(operation)}

    assert reads == {operation.id for operation in taking("If-None-Match")}
    assert reads


def test_every_operation_that_states_a_version_takes_a_tag_too():
    stating = {o.id for o in OPERATIONS.values() if "expectedVersion" in str(o.definition.get("parameters", ""))}
    stating |= {
        o.id
        for o in OPERATIONS.values()
        if o.body_schema and "expectedVersion" in resolve(bundle.load(), o.body_schema)["properties"]
    }
    stating |= {o.id for o in OPERATIONS.values() if any(p.name == "expectedVersion" for p in o.parameters)}

    assert stating == {operation.id for operation in taking("If-Match")}
    assert stating


@pytest.mark.parametrize("operation", on_accounts("If-None-Match"), **NAMED)
async def test_who_holds_this_version_gets_304_and_no_body(record, operation):
    for held in ('"7"', 'W/"7"', '"1", "7"', "*", '"6" ,"7"'):
        answer = await record.call(operation, If_None_Match=held)

        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"7"'), held
        assert answer.headers["cache-control"] == "no-store"
        assert not {"content-type", "content-length", "content-encoding"} & set(answer.headers)


@pytest.mark.parametrize("operation", on_accounts("If-None-Match"), **NAMED)
async def test_who_holds_another_one_gets_the_record(record, operation):
    for held in ('"6"', '"77"', "7", "'7'", '"7', '""', 'w/"7"'):
        answer = await record.call(operation, If_None_Match=held)

        assert (answer.status_code, answer.headers["etag"], answer.json()["version"]) == (200, '"7"', 7), held


@pytest.mark.parametrize("operation", on_accounts("If-Match"), **NAMED)
async def test_a_tag_that_agrees_and_is_current_lets_the_change_happen(record, operation):
    answer = await record.call(operation, version=7, If_Match='"7"')

    assert answer.status_code in {200, 204}
    if answer.status_code == 200:
        assert (answer.headers["etag"], answer.json()["version"]) == ('"8"', 8)


@pytest.mark.parametrize("operation", on_accounts("If-Match"), **NAMED)
async def test_a_tag_that_agrees_and_is_stale_is_412(given, record, operation):
    for stale in (6, 8):
        answer = await record.call(operation, version=stale, If_Match=f'"{stale}"')

        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (412, "PRECONDITION_FAILED")
        assert (problem["currentVersion"], problem["expectedVersion"]) == (7, stale)
    assert await given.sql("SELECT version, deleted_at FROM users WHERE id = %s", record.user["id"]) == [(7, None)]


@pytest.mark.parametrize("operation", on_accounts("If-Match"), **NAMED)
async def test_a_tag_that_disagrees_with_the_version_is_400_and_changes_nothing(given, record, operation):
    for tag in ('"6"', '"8"'):
        answer = await record.call(operation, version=7, If_Match=tag)

        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
        message = "names another version than expectedVersion"
        assert answer.json()["errors"] == [{"field": "If-Match", "message": message}]
    assert await given.sql("SELECT version, deleted_at FROM users WHERE id = %s", record.user["id"]) == [(7, None)]


@pytest.mark.parametrize("operation", on_accounts("If-Match"), **NAMED)
async def test_what_is_no_strong_tag_of_a_version_is_400(record, operation):
    for tag in ("7", 'W/"7"', "*", '"7", "8"', '"x"', '"07"', '"-7"', '"9999999999999999999"', '""'):
        answer = await record.call(operation, version=7, If_Match=tag)

        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR"), tag
        assert {error["field"] for error in answer.json()["errors"]} == {"If-Match"}


@pytest.mark.parametrize("operation", on_accounts("If-Match"), **NAMED)
async def test_without_a_tag_a_stale_version_is_409(record, operation):
    answer = await record.call(operation, version=6)

    assert (answer.status_code, answer.json()["code"]) == (409, "VERSION_CONFLICT")


async def test_a_tag_means_nothing_to_operations_that_take_none(somebody):
    answer = await somebody.post(
        "/api/v1/meta/echo", json={"message": "x"}, headers={"If-Match": "nonsense", "If-None-Match": "*"}
    )

    assert answer.status_code == 200
