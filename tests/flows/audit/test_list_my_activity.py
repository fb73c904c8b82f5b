async def test_lists_the_callers_actions_and_no_others(given, sequenced):
    me, other, admin = await given.an_account(), await given.an_account(), await given.an_admin()
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
    await other.patch("/api/v1/me", expectedVersion=1, firstName="Somebody")
    await admin.patch(f"/api/v1/users/{me.id}", expectedVersion=2, lastName="Hopper")

    items = await sequenced(me, 3, "/api/v1/me/activity")

    assert [(item["operation"], item["actorId"]) for item in items] == [
        ("updateMe", me.id),
        ("login", me.id),
        ("register", me.id),
    ]
    assert items[0]["fields"] == {"firstName": "Grace"}


async def test_goes_on_by_cursor_to_the_first_entry(given, sequenced):
    me = await given.an_account()
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
    every = await sequenced(me, 3, "/api/v1/me/activity")

    first = await me.get("/api/v1/me/activity", limit=2)
    rest = await me.get("/api/v1/me/activity", limit=2, cursor=first.json()["nextCursor"])

    assert first.json()["items"] + rest.json()["items"] == every
    assert rest.json()["nextCursor"] is None


async def test_a_cursor_of_another_account_is_refused(given, sequenced):
    me, other = await given.an_account(), await given.an_account()
    await sequenced(me, 2, "/api/v1/me/activity")
    cursor = (await me.get("/api/v1/me/activity", limit=1)).json()["nextCursor"]

    response = await other.get("/api/v1/me/activity", limit=1, cursor=cursor)

    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "cursor")


async def test_secrets_are_not_in_it(given, sequenced):
    me = await given.an_account()

    items = await sequenced(me, 2, "/api/v1/me/activity")

    assert items[-1]["fields"]["passwordHash"] == "[redacted]"
    assert given.password not in str(items)
