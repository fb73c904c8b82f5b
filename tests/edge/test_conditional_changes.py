"""`If-None-Match` of changes (RFC 9110, section 13.1.2): what it forbids is 412, and never happens."""

from asyncio import gather
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

import pytest
from conditional import CHANGES, MALFORMED, NAMING_7, READS, Records, made, unchanged
from contract_operations import NAMED, parameters
from given import Given


@pytest.fixture(scope="module")
async def records(service) -> AsyncIterator[Records]:
    """Records that nobody changes."""
    async with AsyncExitStack() as stack:
        yield await made(Given(service, stack))


@pytest.mark.parametrize("operation", CHANGES, **NAMED)
async def test_a_change_of_a_version_that_if_none_match_names_is_412_and_changes_nothing(given, records, operation):
    # Which version the caller states makes no difference to what is compared: the one that is current.
    for version, forbidden in ((7, '"7"'), (7, "*"), (7, 'W/"6", W/"7"'), (6, "*"), (6, '"6", "7"'), (8, '"7"')):
        response = await records.call(operation, version=version, If_None_Match=forbidden)

        problem = response.json()
        assert (response.status_code, problem["code"]) == (412, "PRECONDITION_FAILED"), (version, forbidden)
        assert (problem["currentVersion"], problem["expectedVersion"]) == (7, version)
        assert problem["title"] == "A condition of the request does not hold"
    assert await unchanged(given, records, operation)


async def test_if_none_match_of_a_change_is_compared_weakly_and_must_be_well_formed(given):
    me = await given.an_account(version=7)

    for tags in (*NAMING_7, *MALFORMED):
        response = await me.patch("/api/v1/me", {"If-None-Match": tags}, expectedVersion=7, firstName="Grace")

        assert response.status_code == (400 if tags in MALFORMED else 412), tags
    assert await me.journal() == []


@pytest.mark.parametrize("operation", CHANGES, **NAMED)
async def test_a_stale_version_is_409_when_if_none_match_does_not_name_the_current_one(records, operation):
    for forbidden in ('"6"', '"8", "77"'):
        response = await records.call(operation, version=6, If_None_Match=forbidden)

        problem = response.json()
        assert (response.status_code, problem["code"]) == (409, "VERSION_CONFLICT"), forbidden
        assert (problem["currentVersion"], problem["expectedVersion"]) == (7, 6)


@pytest.mark.parametrize("operation", CHANGES, **NAMED)
async def test_a_change_that_if_none_match_does_not_forbid_happens(given, operation):
    records = await made(given)

    response = await records.call(operation, version=7, If_None_Match='"6", W/"8", "7-x"', If_Match='"7"')

    assert response.status_code in {200, 204}
    if response.status_code == 200:
        assert (response.headers["etag"], response.json()["version"]) == ('"8"', 8)


@pytest.mark.parametrize("operation", CHANGES, **NAMED)
async def test_a_malformed_if_none_match_is_400_and_changes_nothing(given, records, operation):
    response = await records.call(operation, version=7, If_None_Match="7")

    assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR")
    assert {error["field"] for error in response.json()["errors"]} == {"If-None-Match"}
    assert await unchanged(given, records, operation)


@pytest.mark.parametrize("operation", CHANGES, **NAMED)
async def test_if_match_of_a_change_comes_before_if_none_match(given, records, operation):
    for version, requested, forbidden, status in (
        *((7, '"7"', '"7"', 412), (6, '"6"', '"6"', 412)),
        *((7, 'W/"7"', '"1"', 412), (7, '"6"', '"7"', 400)),
    ):
        response = await records.call(operation, version=version, If_Match=requested, If_None_Match=forbidden)

        assert response.status_code == status, (version, requested, forbidden)
    assert await unchanged(given, records, operation)


@pytest.mark.parametrize("operation", [o for o in READS + CHANGES if parameters(o, "path")], **NAMED)
async def test_a_record_that_is_not_there_is_404_whatever_the_conditions_are(records, operation):
    nowhere = Records(dict.fromkeys(records.ids, str(UUID(int=7))), "", records.owner, records.root)
    response = await nowhere.call(operation, version=7, If_Match='"7"', If_None_Match="*")

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


async def test_racing_changes_that_if_none_match_forbids_never_happen(given):
    me = await given.an_account(version=7, first_name="Ada")
    free = me.patch("/api/v1/me", expectedVersion=7, firstName="Grace")
    forbidden = [
        me.patch("/api/v1/me", {"If-None-Match": tag}, expectedVersion=7, firstName="X") for tag in ('"7"', "*")
    ]

    changed, *refused = await gather(free, *forbidden)

    assert changed.status_code == 200
    # Those that come behind the change meet version 8, which `"7"` does not forbid and `expectedVersion` does.
    assert {response.status_code for response in refused} <= {409, 412}
    assert (await me.get("/api/v1/me")).json() == changed.json()
    assert await me.journal() == [("users", me.id, 8)]
