"""V-3 at the edge, for every operation that takes or gives an ETag: 304, 412 and 400."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import samples
import versioned
from contract_operations import NAMED, OPERATIONS, body_properties, example_body, example_query, parameters, path_of
from given import Given

from accord.contract import bundle
from accord.contract.operations import Operation, resolve


def taking(header: str) -> list[Operation]:
    return [o for o in OPERATIONS if header in {parameter.name for parameter in parameters(o, "header")}]


def of_records(header: str) -> list[Operation]:
    """Leave out what was scaffolded and has no table yet: that is at version 1, whatever is done to it."""
    without = {operation.id for operation in versioned.unowned_versioned_operations()}
    return [operation for operation in taking(header) if operation.id not in without]


def giving_a_tag(operation: Operation) -> bool:
    answer = resolve(bundle.load(), operation.definition["responses"][str(operation.success_status)])
    return "ETag" in answer.get("headers", {})


@dataclass
class Records:
    """A record of each kind at version 7, by the path parameter that names it, and who may do anything to them."""

    ids: dict[str, str]
    email: str
    owner: httpx.AsyncClient
    root: httpx.AsyncClient

    async def call(self, operation: Operation, version: int | None = None, **headers: str) -> httpx.Response:
        """Call an operation on its record; `version` is what the caller says that they read."""
        request: dict[str, Any] = {"headers": {name.replace("_", "-"): value for name, value in headers.items()}}
        if operation.body_schema is not None:
            newcomer = {"userId": self.ids["newcomer"]} if "userId" in body_properties(operation) else {}
            request["json"] = example_body(operation) | newcomer | {"expectedVersion": version}
        query = example_query(operation)
        if query:
            known = {"expectedVersion": version, "email": self.email}
            request["params"] = query | {name: known[name] for name in query}
        client = self.root if operation.path.startswith("/api/v1/users") else self.owner
        # Whom a path names beside a record is its owner: they take part in what is theirs.
        ids = self.ids if self.of(operation)[0] == "users" else self.ids | {"userId": self.ids["me"]}
        return await client.request(operation.method, path_of(operation, **ids), **request)

    def of(self, operation: Operation) -> tuple[str, str]:
        """Return the table and the id of the record that an operation is about: the first that its path names."""
        by_name = {resource.id_name: table for table, resource in versioned.resources().items()}
        for parameter in parameters(operation, "path"):
            if parameter.name in by_name:
                return by_name[parameter.name], self.ids[parameter.name]
        return "users", self.ids["me"]


@pytest.fixture(scope="module")
async def records(service) -> AsyncIterator[Records]:
    """Records that nobody changes."""
    async with AsyncExitStack() as stack:
        yield await made(Given(service, stack))


async def made(given: Given) -> Records:
    me, other, root = await given.an_account(version=7), await given.an_account(version=7), await given.root()
    ids = {"userId": other.id, "me": me.id, "newcomer": root.id}
    for name, resource in ((r.id_name, r) for r in versioned.resources().values() if r.id_name != "userId"):
        ids[name] = (await samples.created(resource, me, ids))["id"]
    for table, resource in versioned.resources().items():
        await given.sql(f"UPDATE {table} SET version = 7 WHERE id = %s", ids[resource.id_name])  # noqa: S608 - of ours
    return Records(ids, other.email, me.http, root.http)


async def unchanged(given, records, operation) -> bool:
    """Say whether the record is still there, and at its version."""
    table, record_id = records.of(operation)
    statement = f"SELECT version, deleted_at FROM {table} WHERE id = %s"  # noqa: S608 - tables of ours
    return await given.sql(statement, record_id) == [(7, None)]


def test_every_operation_that_gives_a_tag_for_a_record_takes_it_back():
    reads = {operation.id for operation in OPERATIONS if operation.method == "GET" and giving_a_tag(operation)}

    assert reads == {operation.id for operation in taking("If-None-Match")}
    assert reads


def test_every_operation_that_states_a_version_takes_a_tag_too():
    stating = {o.id for o in OPERATIONS if o.body_schema and "expectedVersion" in body_properties(o)}
    stating |= {o.id for o in OPERATIONS if "expectedVersion" in {p.name for p in parameters(o, "query")}}

    assert stating == {operation.id for operation in taking("If-Match")}
    assert stating


@pytest.mark.parametrize("operation", of_records("If-None-Match"), **NAMED)
async def test_who_holds_this_version_gets_304_and_no_body(records, operation):
    lists = (
        '"1", "7"',
        '"6" ,"7"',
        ',, "7",',
        'W/"6",W/"7"',
        '"a,b", "7"',
        '"6",\t"7"',
        ", ".join([f'"{"x" * 40}"'] * 50 + ['"7"']),
    )
    beyond_ascii = '"\u00e9", "7"'.encode("latin-1")
    # What proxies that compress make of a tag.
    for held in ('"7"', 'W/"7"', "*", *lists, beyond_ascii, '"7-gzip"', '"7;gzip"', 'W/"7-br"', '"7;zstd"'):
        answer = await records.call(operation, If_None_Match=held)

        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"7"'), held
        assert answer.headers["cache-control"] == "no-store"
        assert not {"content-type", "content-length", "content-encoding"} & set(answer.headers)


@pytest.mark.parametrize("operation", of_records("If-None-Match"), **NAMED)
async def test_who_holds_another_one_gets_the_record(records, operation):
    malformed = ("7", "'7'", '"7', 'w/"7"', '"6" "7"', '*, "7"', 'W/ "7"', '"7"x')
    for held in ("", '"6"', '"77"', '""', '"7-x"', '"7gzip"', '"6, 7"', *malformed):
        answer = await records.call(operation, If_None_Match=held)

        assert (answer.status_code, answer.headers["etag"], answer.json()["version"]) == (200, '"7"', 7), held


@pytest.mark.parametrize("operation", of_records("If-Match"), **NAMED)
async def test_a_tag_that_agrees_and_is_current_lets_the_change_happen(given, operation):
    records = await made(given)

    answer = await records.call(operation, version=7, If_Match='"7"')

    assert answer.status_code in {200, 204}
    if answer.status_code == 200:
        assert (answer.headers["etag"], answer.json()["version"]) == ('"8"', 8)


@pytest.mark.parametrize("operation", of_records("If-Match"), **NAMED)
async def test_a_tag_that_agrees_and_is_stale_is_412(given, records, operation):
    for stale in (6, 8):
        answer = await records.call(operation, version=stale, If_Match=f'"{stale}"')

        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (412, "PRECONDITION_FAILED")
        assert (problem["currentVersion"], problem["expectedVersion"]) == (7, stale)
    assert await unchanged(given, records, operation)


@pytest.mark.parametrize("operation", of_records("If-Match"), **NAMED)
async def test_a_tag_that_disagrees_with_the_version_is_400_and_changes_nothing(given, records, operation):
    for tag in ('"6"', '"8"'):
        answer = await records.call(operation, version=7, If_Match=tag)

        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
        message = "names another version than expectedVersion"
        assert answer.json()["errors"] == [{"field": "If-Match", "message": message}]
    assert await unchanged(given, records, operation)


@pytest.mark.parametrize("operation", of_records("If-Match"), **NAMED)
async def test_what_is_no_strong_tag_of_a_version_is_400(records, operation):
    for tag in ("7", '"6", "8"', '"x"', '"07"', '"-7"', '"9999999999999999999"', '""', '"7" "8"', '*, "7"', '"7'):
        answer = await records.call(operation, version=7, If_Match=tag)

        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR"), tag
        assert {error["field"] for error in answer.json()["errors"]} == {"If-Match"}


@pytest.mark.parametrize("operation", of_records("If-Match"), **NAMED)
async def test_a_tag_that_a_proxy_has_changed_is_412_as_it_is_compared_strongly(given, records, operation):
    for tag in ('W/"7"', '"7-gzip"', 'W/"6", W/"7"'):
        answer = await records.call(operation, version=7, If_Match=tag)

        assert (answer.status_code, answer.json()["code"]) == (412, "PRECONDITION_FAILED"), tag
    assert await unchanged(given, records, operation)


@pytest.mark.parametrize("tag", ["*", '"6", "7"', ',"7",, "8"', 'W/"7", "7"'])
async def test_any_record_and_a_list_that_has_the_tag_let_the_change_happen(given, tag):
    me = await given.an_account(version=7)

    answer = await me.patch("/api/v1/me", {"If-Match": tag}, expectedVersion=7, firstName="Grace")
    stale = await me.patch("/api/v1/me", {"If-Match": tag}, expectedVersion=7, firstName="Ada")

    assert (answer.status_code, answer.headers["etag"]) == (200, '"8"')
    assert (stale.status_code, stale.json()["currentVersion"]) == (412, 8)


async def test_several_lines_are_one_list(given):
    me = await given.an_account(version=7)
    lines = [("If-None-Match", '"6"'), ("If-None-Match", '"7"')]

    assert (await me.http.get("/api/v1/me", headers=lines)).status_code == 304


@pytest.mark.parametrize("operation", of_records("If-Match"), **NAMED)
async def test_without_a_tag_a_stale_version_is_409(records, operation):
    answer = await records.call(operation, version=6)

    assert (answer.status_code, answer.json()["code"]) == (409, "VERSION_CONFLICT")


async def test_a_tag_means_nothing_to_operations_that_take_none(somebody):
    answer = await somebody.post(
        "/api/v1/meta/echo", json={"message": "x"}, headers={"If-Match": "nonsense", "If-None-Match": "*"}
    )

    assert answer.status_code == 200
