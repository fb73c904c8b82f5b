async def test_ends_every_session_of_the_account_and_no_other(given):
    me, other = await given.an_account(), await given.an_account()
    elsewhere = await given.signed_in(me.email)

    response = await me.post("/api/v1/auth/logout-all")

    assert (response.status_code, response.content) == (204, b"")
    for account, status in ((me, 401), (elsewhere, 401), (other, 200)):
        refresh = await account.post("/api/v1/auth/refresh", refreshToken=account.tokens["refreshToken"])
        assert refresh.status_code == status


async def test_the_journal_has_each_session_once(given):
    me = await given.an_account()
    elsewhere = await given.signed_in(me.email)
    sessions = {(await account.get("/api/v1/auth/session")).json()["session"]["id"] for account in (me, elsewhere)}

    response = await me.post("/api/v1/auth/logout-all")

    entries = await given.entries(response)
    assert sorted(entry["record_id"] for entry in entries) == sorted(sessions)
    assert {(entry["kind"], entry["actor_id"]) for entry in entries} == {("event", me.id)}


async def test_a_refresh_token_is_enough(given):
    me = await given.an_account()
    elsewhere = await given.signed_in(me.email)
    body = {"refreshToken": me.tokens["refreshToken"]}

    response = await (await given.somebody()).post("/api/v1/auth/logout-all", json=body)

    assert response.status_code == 204
    refresh = await elsewhere.post("/api/v1/auth/refresh", refreshToken=elsewhere.tokens["refreshToken"])
    assert refresh.status_code == 401


async def test_the_token_of_a_session_that_is_over_ends_no_other(given):
    me = await given.an_account()
    elsewhere = await given.signed_in(me.email)
    await me.post("/api/v1/auth/logout")

    response = await (await given.somebody()).post(
        "/api/v1/auth/logout-all", json={"refreshToken": me.tokens["refreshToken"]}
    )

    assert response.status_code == 204
    refresh = await elsewhere.post("/api/v1/auth/refresh", refreshToken=elsewhere.tokens["refreshToken"])
    assert refresh.status_code == 200


async def test_logout_all_without_a_session_is_204(given):
    response = await (await given.somebody()).post("/api/v1/auth/logout-all")

    assert (response.status_code, await given.entries(response)) == (204, [])
