from asyncio import gather

import pytest


async def test_saves_the_change_and_raises_the_version(given):
    me = await given.an_account(first_name="Ada", version=7)

    response = await me.patch("/api/v1/me", expectedVersion=7, firstName="Grace")

    assert response.status_code == 200
    assert (response.json()["firstName"], response.json()["version"]) == ("Grace", 8)
    assert response.headers["etag"] == '"8"'
    assert await me.journal() == [("users", me.id, 8)]


async def test_refuses_a_stale_version_and_changes_nothing(given):
    me = await given.an_account(first_name="Ada", version=7)

    response = await me.patch("/api/v1/me", expectedVersion=6, firstName="Grace")

    assert response.status_code == 409
    assert (response.json()["currentVersion"], response.json()["expectedVersion"]) == (7, 6)
    assert (await me.get("/api/v1/me")).json()["firstName"] == "Ada"
    assert await me.journal() == []


async def test_two_racing_updates_have_one_winner(given):
    me = await given.an_account(version=1)

    responses = await gather(*(me.patch("/api/v1/me", expectedVersion=1, firstName=name) for name in ("A", "B")))

    assert sorted(r.status_code for r in responses) == [200, 409]


@pytest.mark.parametrize("field", ["email", "role", "version", "id", "disabledAt"])
async def test_fields_that_a_person_may_not_change_are_refused(given, field):
    me = await given.an_account()

    response = await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace", **{field: me.user[field]})

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, field)
    assert (await me.get("/api/v1/me")).json() == me.user


async def test_the_journal_has_the_actor_and_the_changed_fields(given):
    me = await given.an_account()

    response = await me.patch("/api/v1/me", expectedVersion=1, lastName="Hopper")

    [entry] = await given.entries(response)
    assert (entry["operation"], entry["actor_kind"], entry["actor_id"]) == ("updateMe", "user", me.id)
    assert (entry["kind"], entry["record_version"], entry["fields"]) == ("updated", 2, {"last_name": "Hopper"})


async def test_if_match_is_a_second_precondition(given):
    me = await given.an_account(version=2)

    agrees = await me.patch("/api/v1/me", {"If-Match": '"2"'}, expectedVersion=2, firstName="Grace")
    stale = await me.patch("/api/v1/me", {"If-Match": '"2"'}, expectedVersion=2, firstName="Jean")
    disagrees = await me.patch("/api/v1/me", {"If-Match": '"2"'}, expectedVersion=3, firstName="Jean")

    assert (agrees.status_code, agrees.headers["etag"]) == (200, '"3"')
    assert (stale.status_code, stale.json()["code"], stale.json()["currentVersion"]) == (412, "PRECONDITION_FAILED", 3)
    assert (disagrees.status_code, disagrees.json()["errors"][0]["field"]) == (400, "If-Match")
    assert (await me.get("/api/v1/me")).json()["firstName"] == "Grace"


async def test_a_version_from_the_future_is_stale_too(given):
    me = await given.an_account()

    response = await me.patch("/api/v1/me", expectedVersion=9, firstName="Grace")

    assert (response.status_code, response.json()["currentVersion"]) == (409, 1)


async def test_a_change_after_the_account_was_deleted_never_succeeds(given):
    me, admin = await given.an_account(), await given.an_admin()
    await admin.delete(f"/api/v1/users/{me.id}", expectedVersion=1)

    response = await me.patch("/api/v1/me", expectedVersion=2, firstName="Grace")

    assert (response.status_code, response.json()["code"]) == (401, "UNAUTHORIZED")
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert await given.sql("SELECT first_name, version FROM accord.users WHERE id = %s", me.id) == [("Ada", 2)]
