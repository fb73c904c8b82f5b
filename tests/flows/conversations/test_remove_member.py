async def test_a_member_leaves(given, begun):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    path = f"/api/v1/conversations/{conversation['id']}"

    response = await you.delete(f"{path}/members/{you.id}", expectedVersion=1)

    assert (response.status_code, response.json()["memberIds"], response.json()["version"]) == (200, [me.id], 2)
    assert (await you.get(path)).status_code == 404
    assert (await me.get(path)).json() == response.json()


async def test_the_journal_says_whose_access_ended(given, begun):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)

    response = await me.delete(f"/api/v1/conversations/{conversation['id']}/members/{you.id}", expectedVersion=1)

    change, event = await given.entries(response)
    assert (change["kind"], change["record_version"]) == ("updated", 2)
    assert event["fields"] == {"event": "access removed", "userId": you.id}
    keys = await given.sql(
        "SELECT list_keys FROM accord.journal WHERE request_id = %s AND kind = 'updated'",
        response.headers["x-request-id"],
    )
    assert keys == [([f"getList:{member.id}:conversations" for member in (me, you)],)]


async def test_only_the_creator_removes_others(given, begun):
    me, you, third = [await given.an_account() for _ in range(3)]
    conversation = await begun(me, you, third)
    path = f"/api/v1/conversations/{conversation['id']}/members"

    refused = await you.delete(f"{path}/{third.id}", expectedVersion=1)
    allowed = await me.delete(f"{path}/{third.id}", expectedVersion=1)
    again = await me.delete(f"{path}/{third.id}", expectedVersion=2)

    assert [response.status_code for response in (refused, allowed, again)] == [403, 200, 404]


async def test_a_stale_version_removes_no_member(given, begun):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)

    response = await me.delete(f"/api/v1/conversations/{conversation['id']}/members/{you.id}", expectedVersion=3)

    assert (response.status_code, response.json()["currentVersion"]) == (409, 1)
