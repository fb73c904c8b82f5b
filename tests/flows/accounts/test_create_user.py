import pytest
from given import PASSWORD, details


async def test_an_administrator_creates_a_customer_who_can_sign_in(given):
    admin, body = await given.an_admin(), details()

    response = await admin.post("/api/v1/users", **body)

    created = response.json()
    assert (response.status_code, response.headers["etag"]) == (201, '"1"')
    assert (created["role"], created["createdBy"], created["version"]) == ("customer", admin.id, 1)
    assert (await given.signed_in(body["email"])).id == created["id"]


async def test_the_journal_names_the_administrator_and_no_secret(given):
    admin = await given.an_admin()

    response = await admin.post("/api/v1/users", **details())

    [entry] = await given.entries(response)
    assert (entry["kind"], entry["record_id"], entry["actor_id"]) == ("created", response.json()["id"], admin.id)
    assert entry["fields"]["password_hash"] == "[redacted]"
    assert PASSWORD not in str(entry)


async def test_only_root_creates_administrators(given):
    admin, root = await given.an_admin(), await given.root()

    refused = await admin.post("/api/v1/users", **details(role="admin"))
    created = await root.post("/api/v1/users", **details(role="admin"))

    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert (created.status_code, created.json()["role"]) == (201, "admin")


@pytest.mark.parametrize("field", ["createdBy", "version", "id", "disabledAt"])
async def test_fields_that_the_service_sets_are_refused(given, field):
    admin = await given.an_admin()

    response = await admin.post("/api/v1/users", **details(**{field: 1}))

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)


async def test_a_root_account_cannot_be_created(given):
    root = await given.root()

    response = await root.post("/api/v1/users", **details(role="root"))

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "role")


async def test_an_address_that_is_taken_is_refused(given):
    admin, somebody = await given.an_admin(), await given.an_account()

    response = await admin.post("/api/v1/users", **details(email=somebody.email.upper()))

    assert (response.status_code, response.json()["code"]) == (409, "ALREADY_EXISTS")


async def test_a_password_that_is_guessed_first_is_refused(given):
    admin = await given.an_admin()

    response = await admin.post("/api/v1/users", **details(password="password1"))

    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "password")


async def test_a_customer_may_not(given):
    somebody = await given.an_account()

    response = await somebody.post("/api/v1/users", **details())

    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")
