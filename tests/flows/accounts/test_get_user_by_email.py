import pytest
from given import new_email


@pytest.mark.parametrize("respelled", [str, str.upper, " {} ".format])
async def test_finds_the_account_in_any_spelling_of_its_address(given, respelled):
    admin, somebody = await given.an_admin(), await given.an_account(version=2)

    response = await admin.get("/api/v1/users/by-email", email=respelled(somebody.email))

    assert (response.status_code, response.json(), response.headers["etag"]) == (200, somebody.user, '"2"')


async def test_an_unused_address_is_not_found(given):
    admin = await given.an_admin()

    response = await admin.get("/api/v1/users/by-email", email=new_email())

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


async def test_a_read_with_the_current_version_is_304(given):
    admin, somebody = await given.an_admin(), await given.an_account()

    response = await admin.get("/api/v1/users/by-email", {"If-None-Match": '"1"'}, email=somebody.email)

    assert (response.status_code, response.content) == (304, b"")


@pytest.mark.parametrize("query", [{}, {"email": "not an address"}, {"email": "%"}])
async def test_a_malformed_address_is_refused(given, query):
    admin = await given.an_admin()

    response = await admin.get("/api/v1/users/by-email", **query)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "email")


async def test_a_customer_may_not_even_for_their_own_address(given):
    me = await given.an_account()

    response = await me.get("/api/v1/users/by-email", email=me.email)

    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")
