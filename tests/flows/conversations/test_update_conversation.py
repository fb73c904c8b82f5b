from asyncio import gather


async def test_a_member_changes_it_and_the_lists_of_all_are_announced(given, begun):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    path = f"/api/v1/conversations/{conversation['id']}"

    response = await you.patch(path, expectedVersion=1, title="Better plans", tags=["b", "a"], archived=True)

    changed = response.json()
    assert (response.status_code, response.headers["etag"]) == (200, '"2"')
    assert (changed["title"], changed["tags"], changed["version"]) == ("Better plans", ["b", "a"], 2)
    assert changed["archivedAt"] is not None
    assert (await me.get(path)).json() == changed
    keys = await given.sql(
        "SELECT list_keys FROM accord.journal WHERE request_id = %s", response.headers["x-request-id"]
    )
    assert keys == [([f"getList:{member.id}:conversations" for member in (me, you)],)]


async def test_a_stale_version_changes_nothing(given, begun):
    me = await given.an_account()
    conversation = await begun(me)
    path = f"/api/v1/conversations/{conversation['id']}"
    await me.patch(path, expectedVersion=1, title="First")

    response = await me.patch(path, expectedVersion=1, title="Second")

    assert (response.status_code, response.json()["code"]) == (409, "VERSION_CONFLICT")
    assert (response.json()["currentVersion"], response.json()["expectedVersion"]) == (2, 1)
    assert (await me.get(path)).json()["title"] == "First"


async def test_a_stranger_and_a_former_member_change_nothing(given, begun):
    me, former, stranger = [await given.an_account() for _ in range(3)]
    conversation = await begun(me, former)
    path = f"/api/v1/conversations/{conversation['id']}"
    await former.delete(f"{path}/members/{former.id}", expectedVersion=1)

    responses = [await who.patch(path, expectedVersion=2, title="Mine") for who in (former, stranger)]

    assert [response.status_code for response in responses] == [404, 404]


async def test_two_racing_changes_have_one_winner(given, begun):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    path = f"/api/v1/conversations/{conversation['id']}"

    responses = await gather(*(who.patch(path, expectedVersion=1, title=who.id) for who in (me, you)))

    assert sorted(response.status_code for response in responses) == [200, 409]
