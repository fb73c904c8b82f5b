from uuid import uuid4


async def test_a_locked_person_signs_in_again_at_once(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    assert await given.failed_logins(somebody.email, 6) == [401] * 5 + [429]

    response = await admin.post(f"/api/v1/users/{somebody.id}/unlock")

    assert (response.status_code, response.content) == (204, b"")
    await given.signed_in(somebody.email)


async def test_unlocking_restores_all_five_attempts(given):
    admin, somebody = await given.an_admin(), await given.an_account()
    await given.failed_logins(somebody.email, 5)

    await admin.post(f"/api/v1/users/{somebody.id}/unlock")

    assert await given.failed_logins(somebody.email, 6) == [401] * 5 + [429]


async def test_the_journal_has_it_and_the_version_stays(given):
    admin, somebody = await given.an_admin(), await given.an_account(version=5)

    response = await admin.post(f"/api/v1/users/{somebody.id}/unlock")

    [entry] = await given.entries(response)
    assert (entry["kind"], entry["record_id"], entry["actor_id"]) == ("event", somebody.id, admin.id)
    assert entry["fields"] == {"event": "unlocked"}
    assert (await somebody.get("/api/v1/me")).json()["version"] == 5


async def test_unlocking_an_account_that_is_not_locked_is_204(given):
    admin, somebody = await given.an_admin(), await given.an_account()

    assert (await admin.post(f"/api/v1/users/{somebody.id}/unlock")).status_code == 204


async def test_only_root_unlocks_administrators(given):
    admin, other, root = await given.an_admin(), await given.an_admin(), await given.root()

    refused = await admin.post(f"/api/v1/users/{other.id}/unlock")
    done = await root.post(f"/api/v1/users/{other.id}/unlock")

    assert (refused.status_code, done.status_code) == (403, 204)


async def test_an_unknown_account_is_not_found_and_a_customer_may_not(given):
    admin, somebody = await given.an_admin(), await given.an_account()

    assert (await admin.post(f"/api/v1/users/{uuid4()}/unlock")).status_code == 404
    assert (await somebody.post(f"/api/v1/users/{somebody.id}/unlock")).status_code == 403
