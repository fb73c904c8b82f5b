from uuid import uuid4


async def test_a_member_adds_an_account(given, begun):
    me, you, third = [await given.an_account() for _ in range(3)]
    conversation = await begun(me, you)
    path = f"/api/v1/conversations/{conversation['id']}"

    response = await you.post(f"{path}/members", expectedVersion=1, userId=third.id)

    assert (response.status_code, response.headers["etag"]) == (200, '"2"')
    assert response.json()["memberIds"] == [me.id, you.id, third.id]
    assert (await third.get(path)).json() == response.json()
    assert (await third.get("/api/v1/conversations")).json()["items"] == [response.json()]


async def test_present_members_and_unknown_accounts_are_refused(given, begun):
    me = await given.an_account()
    conversation = await begun(me)
    path = f"/api/v1/conversations/{conversation['id']}"

    responses = [await me.post(f"{path}/members", expectedVersion=1, userId=i) for i in (me.id, str(uuid4()))]

    assert [(a.status_code, a.json()["code"]) for a in responses] == [
        (409, "ALREADY_EXISTS"),
        (422, "BUSINESS_RULE_VIOLATION"),
    ]
    assert (await me.get(path)).json() == conversation


async def test_a_stale_version_or_a_stranger_adds_no_member(given, begun):
    me, stranger = await given.an_account(), await given.an_account()
    conversation = await begun(me)
    path = f"/api/v1/conversations/{conversation['id']}"

    foreign = await stranger.post(f"{path}/members", expectedVersion=1, userId=stranger.id)
    stale = await me.post(f"{path}/members", expectedVersion=7, userId=stranger.id)

    assert [response.status_code for response in (foreign, stale)] == [404, 409]
    assert stale.json()["currentVersion"] == 1


async def test_a_conversation_has_at_most_100_members(given, begun):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me)
    await given.sql(
        "UPDATE accord.conversations SET member_ids = member_ids || array(SELECT gen_random_uuid()"
        " FROM generate_series(2, 100))"
        " WHERE id = %s",
        conversation["id"],
    )

    response = await me.post(f"/api/v1/conversations/{conversation['id']}/members", expectedVersion=1, userId=you.id)

    assert (response.status_code, response.json()["code"]) == (422, "BUSINESS_RULE_VIOLATION")
