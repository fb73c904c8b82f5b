from uuid import uuid4

from given import details


async def test_the_account_is_gone_and_its_sessions_are_over(given):
    admin, somebody = await given.an_admin(), await given.an_account(version=3)
    path = f"/api/v1/users/{somebody.id}"

    response = await admin.delete(path, expectedVersion=3)

    assert (response.status_code, response.content) == (204, b"")
    assert (await admin.get(path)).status_code == 404
    assert await somebody.journal() == [("users", somebody.id, 4)]
    refresh = await somebody.post("/api/v1/auth/refresh", refreshToken=somebody.tokens["refreshToken"])
    assert refresh.status_code == 401
    credentials = {"email": somebody.email, "password": given.password}
    assert (await (await given.somebody()).post("/api/v1/auth/login", json=credentials)).status_code == 401


async def test_a_second_delete_finds_nothing(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    path = f"/api/v1/users/{somebody.id}"

    responses = [await admin.delete(path, expectedVersion=version) for version in (1, 1, 2)]

    assert [response.status_code for response in responses] == [204, 404, 404]
    assert (await admin.delete(f"/api/v1/users/{uuid4()}", expectedVersion=1)).status_code == 404


async def test_a_stale_version_deletes_nothing(given):
    admin, somebody = await given.an_admin(), await given.an_account(version=3)
    path = f"/api/v1/users/{somebody.id}"

    stale = await admin.delete(path, expectedVersion=2)
    witnessed = await admin.delete(path, {"If-Match": '"2"'}, expectedVersion=2)
    missing = await admin.delete(path)

    assert (stale.status_code, stale.json()["currentVersion"]) == (409, 3)
    assert (witnessed.status_code, witnessed.json()["currentVersion"]) == (412, 3)
    assert (missing.status_code, missing.json()["errors"][0]["field"]) == (400, "expectedVersion")
    assert (await somebody.get("/api/v1/me")).status_code == 200


async def test_the_row_stays_and_its_address_is_free_again(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    await admin.delete(f"/api/v1/users/{somebody.id}", expectedVersion=1)

    again = await given.an_account(email=somebody.email)

    assert again.id != somebody.id
    rows = await given.sql(
        "SELECT id, deleted_at IS NULL FROM accord.users WHERE email = %s ORDER BY id", somebody.email
    )
    assert [(str(user_id), alive) for user_id, alive in rows] == [(somebody.id, False), (again.id, True)]


async def test_the_last_root_cannot_be_deleted(given):
    root = await given.root()
    version = (await root.get("/api/v1/me")).json()["version"]

    response = await root.delete(f"/api/v1/users/{root.id}", expectedVersion=version)

    assert (response.status_code, response.json()["code"]) == (422, "BUSINESS_RULE_VIOLATION")


async def test_a_root_can_be_deleted_while_another_remains(given):
    root, other = await given.root(), await given.another_root()

    assert (await root.delete(f"/api/v1/users/{other.id}", expectedVersion=2)).status_code == 204


async def test_only_root_deletes_administrators(given):
    admin, other, root = await given.an_admin(), await given.an_admin(), await given.root()
    path = f"/api/v1/users/{other.id}"

    refused = await admin.delete(path, expectedVersion=1)
    done = await root.delete(path, expectedVersion=1)

    assert (refused.status_code, refused.json()["code"], done.status_code) == (403, "FORBIDDEN", 204)


async def test_accounts_created_by_a_deleted_account_stay(given):
    admin, root = await given.an_admin(), await given.root()
    created = (await admin.post("/api/v1/users", **details())).json()

    await root.delete(f"/api/v1/users/{admin.id}", expectedVersion=1)

    assert (await root.get(f"/api/v1/users/{created['id']}")).json()["createdBy"] == admin.id


async def test_a_customer_may_not(given):
    me = await given.an_account()

    response = await me.delete(f"/api/v1/users/{me.id}", expectedVersion=1)

    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")
