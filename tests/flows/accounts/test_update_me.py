from asyncio import gather


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

    responses = await gather(
        *(me.patch("/api/v1/me", expectedVersion=1, firstName=name) for name in ("A", "B"))
    )

    assert sorted(r.status_code for r in responses) == [200, 409]
