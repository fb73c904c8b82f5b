from uuid import uuid4

import pytest


async def test_an_administrator_changes_a_customers_account(given):
    admin, somebody = await given.an_admin(), await given.an_account(version=4)

    response = await admin.patch(f"/api/v1/users/{somebody.id}", expectedVersion=4, firstName="Grace")

    assert (response.status_code, response.headers["etag"]) == (200, '"5"')
    assert (response.json()["firstName"], response.json()["version"]) == ("Grace", 5)
    assert await somebody.journal() == [("users", somebody.id, 5)]
    assert (await somebody.get("/api/v1/me")).json() == response.json()


async def test_a_stale_version_changes_nothing(given):
    admin, somebody = await given.an_admin(), await given.an_account(version=4)

    response = await admin.patch(f"/api/v1/users/{somebody.id}", expectedVersion=3, disabled=True)

    assert (response.status_code, response.json()["code"]) == (409, "VERSION_CONFLICT")
    assert (response.json()["currentVersion"], response.json()["expectedVersion"]) == (4, 3)
    assert await given.entries(response) == []
    assert (await somebody.get("/api/v1/me")).json() == somebody.user


async def test_if_match_is_a_second_precondition(given):
    admin, somebody = await given.an_admin(), await given.an_account(version=4)
    path = f"/api/v1/users/{somebody.id}"

    stale = await admin.patch(path, {"If-Match": '"3"'}, expectedVersion=3, firstName="Grace")
    disagrees = await admin.patch(path, {"If-Match": '"4"'}, expectedVersion=3, firstName="Grace")

    assert (stale.status_code, stale.json()["code"], stale.json()["currentVersion"]) == (412, "PRECONDITION_FAILED", 4)
    assert (disagrees.status_code, disagrees.json()["errors"][0]["field"]) == (400, "If-Match")


async def test_only_root_changes_roles(given):
    admin, root, somebody = await given.an_admin(), await given.root(), await given.an_account()
    path = f"/api/v1/users/{somebody.id}"

    refused = await admin.patch(path, expectedVersion=1, role="admin")
    same = await admin.patch(path, expectedVersion=1, role="customer")
    promoted = await root.patch(path, expectedVersion=2, role="admin")

    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert same.status_code == 200
    assert (promoted.status_code, promoted.json()["role"]) == (200, "admin")
    assert (await (await given.signed_in(somebody.email)).get("/api/v1/users")).status_code == 200


@pytest.mark.parametrize("change", [{"firstName": "Grace"}, {"disabled": True}, {"role": "customer"}])
async def test_administrators_do_not_change_each_other(given, change):
    admin, other = await given.an_admin(), await given.an_admin()

    response = await admin.patch(f"/api/v1/users/{other.id}", expectedVersion=1, **change)

    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")


async def test_a_disabled_account_cannot_sign_in_or_refresh_until_enabled(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    path = f"/api/v1/users/{somebody.id}"
    credentials = {"email": somebody.email, "password": given.password}

    disabled = await admin.patch(path, expectedVersion=1, disabled=True)
    login = await (await given.somebody()).post("/api/v1/auth/login", json=credentials)
    refresh = await somebody.post("/api/v1/auth/refresh", refreshToken=somebody.tokens["refreshToken"])
    enabled = await admin.patch(path, expectedVersion=2, disabled=False)

    assert disabled.json()["disabledAt"] is not None
    assert [response.json().get("code") for response in (login, refresh)] == ["INVALID_CREDENTIALS"] * 2
    assert (enabled.status_code, enabled.json()["disabledAt"]) == (200, None)
    await given.signed_in(somebody.email)
    # Enabling does not bring back what disabling ended.
    refresh = await somebody.post("/api/v1/auth/refresh", refreshToken=somebody.tokens["refreshToken"])
    assert refresh.status_code == 401


async def test_disabling_twice_keeps_the_time_of_the_first(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    path = f"/api/v1/users/{somebody.id}"

    first = await admin.patch(path, expectedVersion=1, disabled=True)
    second = await admin.patch(path, expectedVersion=2, disabled=True)

    assert first.json()["disabledAt"] == second.json()["disabledAt"]


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "admin"}, {"role": "customer"}])
async def test_the_last_root_stays_root_and_enabled(given, change):
    root = await given.root()
    version = (await root.get("/api/v1/me")).json()["version"]

    response = await root.patch(f"/api/v1/users/{root.id}", expectedVersion=version, **change)

    assert (response.status_code, response.json()["code"]) == (422, "BUSINESS_RULE_VIOLATION")
    assert (await root.get("/api/v1/me")).json()["version"] == version


async def test_a_disabled_root_does_not_count(given):
    root, other = await given.root(), await given.another_root()
    version = (await root.get("/api/v1/me")).json()["version"]
    await root.patch(f"/api/v1/users/{other.id}", expectedVersion=2, disabled=True)

    response = await root.patch(f"/api/v1/users/{root.id}", expectedVersion=version, role="admin")

    assert response.status_code == 422


async def test_a_root_may_step_down_while_another_remains(given):
    root, other = await given.root(), await given.another_root()

    response = await other.patch(f"/api/v1/users/{other.id}", expectedVersion=2, role="customer")

    assert (response.status_code, response.json()["role"]) == (200, "customer")
    assert (await root.get(f"/api/v1/users/{other.id}")).json()["role"] == "customer"


async def test_the_version_is_judged_before_the_rules(given):
    root = await given.root()

    response = await root.patch(f"/api/v1/users/{root.id}", expectedVersion=9_000, role="customer")

    assert response.status_code == 409


async def test_a_deleted_account_is_not_found(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    await admin.delete(f"/api/v1/users/{somebody.id}", expectedVersion=1)

    deleted = await admin.patch(f"/api/v1/users/{somebody.id}", expectedVersion=2, firstName="Grace")
    unknown = await admin.patch(f"/api/v1/users/{uuid4()}", expectedVersion=2, firstName="Grace")

    assert [response.status_code for response in (deleted, unknown)] == [404, 404]


async def test_a_customer_may_not_and_does_not_learn_which_accounts_exist(given):
    me, other = await given.an_account(), await given.an_account()

    responses = [
        await me.patch(f"/api/v1/users/{user_id}", expectedVersion=1, firstName="Grace")
        for user_id in (me.id, other.id, uuid4())
    ]

    assert [response.status_code for response in responses] == [403, 403, 403]
