"""V-3 at the edge, for every operation that takes or gives an ETag: 304, 412 and 400."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from conditional import CHANGES, MALFORMED, NAMING_7, READS, Records, made, taking, unchanged
from contract_operations import NAMED, OPERATIONS, body_properties, parameters
from given import Given

from accord.contract import bundle
from accord.contract.operations import Operation
from accord.contract.references import resolve


def giving_a_tag(operation: Operation) -> bool:
    response = resolve(bundle.load(), operation.definition["responses"][str(operation.success_status)])
    return "ETag" in response.get("headers", {})


@pytest.fixture(scope="module")
async def records(service) -> AsyncIterator[Records]:
    """Records that nobody changes."""
    async with AsyncExitStack() as stack:
        yield await made(Given(service, stack))


def test_every_operation_that_gives_a_tag_for_a_record_takes_it_back():
    reads = {operation.id for operation in OPERATIONS if operation.method == "GET" and giving_a_tag(operation)}

    for header in ("If-None-Match", "If-Match"):
        assert reads == {operation.id for operation in taking(header) if operation.method == "GET"}
    assert reads


def test_every_operation_that_states_a_version_takes_a_tag_too():
    stating = {o.id for o in OPERATIONS if o.body_schema and "expectedVersion" in body_properties(o)}
    stating |= {o.id for o in OPERATIONS if "expectedVersion" in {p.name for p in parameters(o, "query")}}

    for header in ("If-Match", "If-None-Match"):
        assert stating == {operation.id for operation in taking(header) if operation.method != "GET"}
    assert stating


@pytest.mark.parametrize("operation", READS, **NAMED)
async def test_a_read_with_the_current_tag_is_304_without_a_body(records, operation):
    long = ", ".join([f'"{"x" * 40}"'] * 50 + ['"7"'])
    beyond_ascii = '"\u00e9", "7"'.encode("latin-1")
    for held in (*NAMING_7, long, beyond_ascii):
        response = await records.call(operation, If_None_Match=held)

        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", '"7"'), held
        assert response.headers["cache-control"] == "no-store"
        assert not {"content-type", "content-length", "content-encoding"} & set(response.headers)


@pytest.mark.parametrize("operation", READS, **NAMED)
async def test_a_read_with_another_tag_gets_the_record(records, operation):
    for held in ('"6"', '"77"', '""', '"7-x"', '"7gzip"', '"6, 7"', *MALFORMED):
        response = await records.call(operation, If_None_Match=held)

        assert (response.status_code, response.headers["etag"], response.json()["version"]) == (200, '"7"', 7), held


@pytest.mark.parametrize("operation", READS, **NAMED)
async def test_a_read_of_the_version_in_if_match_gets_the_record(records, operation):
    for requested in ("*", 'W/"7", "6",, "7"'):
        response = await records.call(operation, If_Match=requested)

        assert (response.status_code, response.headers["etag"], response.json()["version"]) == (200, '"7"', 7), (
            requested
        )


@pytest.mark.parametrize("operation", READS, **NAMED)
async def test_a_read_of_another_version_is_412(records, operation):
    for requested in ('"6", "8"', 'W/"7"'):
        response = await records.call(operation, If_Match=requested)

        assert (response.status_code, response.json()["code"]) == (412, "PRECONDITION_FAILED"), requested
        assert (response.json()["currentVersion"], "etag" in response.headers) == (7, False)
    assert (await records.call(operation, method="HEAD", If_Match='"6"')).status_code == 412


async def test_if_match_without_the_strong_tag_of_the_version_is_412_for_a_read(given):
    me = await given.an_account(version=7)

    for requested in ('"7-gzip"', 'W/"7", W/"8"', '"07"', '"77"', '""', *MALFORMED):
        response = await me.http.get("/api/v1/me", headers={"If-Match": requested})

        assert (response.status_code, response.json()["currentVersion"]) == (412, 7), requested


@pytest.mark.parametrize("operation", READS, **NAMED)
async def test_if_match_of_a_read_comes_before_if_none_match(records, operation):
    for requested, held, status in (('"7"', 'W/"7"', 304), ('"7"', '"6"', 200), ('"6"', '"7"', 412), ('"6"', "*", 412)):
        response = await records.call(operation, If_Match=requested, If_None_Match=held)

        assert response.status_code == status, (requested, held)


@pytest.mark.parametrize("operation", CHANGES, **NAMED)
async def test_a_tag_that_agrees_and_is_current_lets_the_change_happen(given, operation):
    records = await made(given)

    response = await records.call(operation, version=7, If_Match='"7"')

    assert response.status_code in {200, 204}
    if response.status_code == 200:
        assert (response.headers["etag"], response.json()["version"]) == ('"8"', 8)


@pytest.mark.parametrize("operation", CHANGES, **NAMED)
async def test_a_tag_that_agrees_and_is_stale_is_412(given, records, operation):
    for stale in (6, 8):
        response = await records.call(operation, version=stale, If_Match=f'"{stale}"')

        problem = response.json()
        assert (response.status_code, problem["code"]) == (412, "PRECONDITION_FAILED")
        assert (problem["currentVersion"], problem["expectedVersion"]) == (7, stale)
    assert await unchanged(given, records, operation)


@pytest.mark.parametrize("operation", CHANGES, **NAMED)
async def test_a_tag_that_disagrees_with_the_version_is_400_and_changes_nothing(given, records, operation):
    for tag in ('"6"', '"8"'):
        response = await records.call(operation, version=7, If_Match=tag)

        assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
        message = "names another version than expectedVersion"
        assert response.json()["errors"] == [{"field": "If-Match", "message": message}]
    assert await unchanged(given, records, operation)


@pytest.mark.parametrize("operation", CHANGES, **NAMED)
async def test_if_match_without_a_strong_tag_of_a_version_is_400(records, operation):
    for tag in ("7", '"6", "8"', '"x"', '"07"', '"-7"', '"9999999999999999999"', '""', '"7" "8"', '*, "7"', '"7'):
        response = await records.call(operation, version=7, If_Match=tag)

        assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR"), tag
        assert {error["field"] for error in response.json()["errors"]} == {"If-Match"}


@pytest.mark.parametrize("operation", CHANGES, **NAMED)
async def test_a_tag_that_a_proxy_has_changed_is_412_as_it_is_compared_strongly(given, records, operation):
    for tag in ('W/"7"', '"7-gzip"', 'W/"6", W/"7"'):
        response = await records.call(operation, version=7, If_Match=tag)

        assert (response.status_code, response.json()["code"]) == (412, "PRECONDITION_FAILED"), tag
    assert await unchanged(given, records, operation)


@pytest.mark.parametrize(
    ("tag", "status_of_stale"), [("*", 409), ('"6", "7"', 412), (',"7",, "8"', 409), ('W/"7", "7"', 412)]
)
async def test_any_record_and_a_list_that_has_the_tag_let_the_change_happen(given, tag, status_of_stale):
    me = await given.an_account(version=7)

    response = await me.patch("/api/v1/me", {"If-Match": tag}, expectedVersion=7, firstName="Grace")
    stale = await me.patch("/api/v1/me", {"If-Match": tag}, expectedVersion=7, firstName="Ada")

    assert (response.status_code, response.headers["etag"]) == (200, '"8"')
    assert (stale.status_code, stale.json()["currentVersion"]) == (status_of_stale, 8)


async def test_several_lines_are_one_list(given):
    me = await given.an_account(version=7)
    lines = [("If-None-Match", '"6"'), ("If-None-Match", '"7"')]

    assert (await me.http.get("/api/v1/me", headers=lines)).status_code == 304


@pytest.mark.parametrize("operation", CHANGES, **NAMED)
async def test_without_a_tag_a_stale_version_is_409(records, operation):
    response = await records.call(operation, version=6)

    assert (response.status_code, response.json()["code"]) == (409, "VERSION_CONFLICT")


async def test_conditions_on_times_are_ignored_as_no_record_has_last_modified(given):
    me = await given.an_account(version=7)
    old = "Sun, 06 Nov 1994 08:49:37 GMT"

    read = await me.http.get("/api/v1/me", headers={"If-Modified-Since": old, "If-Unmodified-Since": old})
    change = await me.patch("/api/v1/me", {"If-Unmodified-Since": old}, expectedVersion=7, firstName="Grace")

    assert (read.status_code, "last-modified" in read.headers, change.status_code) == (200, False, 200)


async def test_a_tag_means_nothing_to_operations_that_take_none(given):
    me, tags = await given.an_account(), {"If-Match": "nonsense", "If-None-Match": "*"}

    response = await me.post("/api/v1/meta/echo", tags, message="x")
    page = await me.http.get("/api/v1/conversations", headers=tags)
    made = await me.post("/api/v1/conversations", tags, title="Plans")

    assert (response.status_code, page.status_code, made.status_code) == (200, 200, 201)
