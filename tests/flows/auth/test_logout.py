import pytest


async def test_ends_this_session_and_no_other(given):
    me = await given.an_account()
    elsewhere = await given.signed_in(me.email)

    response = await me.post("/api/v1/auth/logout")

    assert (response.status_code, response.content) == (204, b"")
    refresh = await me.post("/api/v1/auth/refresh", refreshToken=me.tokens["refreshToken"])
    assert (refresh.status_code, refresh.json()["code"]) == (401, "INVALID_CREDENTIALS")
    assert (await elsewhere.get("/api/v1/me")).status_code == 200


async def test_the_journal_has_it_once(given):
    me = await given.an_account()
    session = (await me.get("/api/v1/auth/session")).json()["session"]["id"]

    first, second = [await me.post("/api/v1/auth/logout") for _ in range(2)]

    [entry] = await given.entries(first)
    assert (entry["kind"], entry["record_table"], entry["record_id"]) == ("event", "sessions", session)
    assert (entry["actor_id"], entry["fields"]) == (me.id, {"event": "signed out"})
    assert (second.status_code, await given.entries(second)) == (204, [])


async def test_a_refresh_token_ends_its_session_when_the_access_token_is_gone(given):
    me = await given.an_account()
    body = {"refreshToken": me.tokens["refreshToken"]}

    response = await (await given.somebody()).post("/api/v1/auth/logout", json=body)

    assert response.status_code == 204
    assert (await me.post("/api/v1/auth/refresh", **body)).status_code == 401


@pytest.mark.parametrize("body", [None, {}, {"refreshToken": "no-such-token"}])
async def test_logout_without_a_session_is_204(given, body):
    somebody = await given.somebody()

    response = await somebody.post("/api/v1/auth/logout", json=body)

    assert (response.status_code, await given.entries(response)) == (204, [])


async def test_logout_with_a_bad_token_is_204(given):
    somebody = await given.somebody(authorization="Bearer nonsense")

    assert (await somebody.post("/api/v1/auth/logout")).status_code == 204
