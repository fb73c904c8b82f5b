async def test_a_deleted_conversation_is_gone_for_all_members_with_its_messages(given, begun, said):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    message = await said(you, conversation)
    path = f"/api/v1/conversations/{conversation['id']}"

    response = await me.delete(path, expectedVersion=1)

    assert response.status_code == 204
    for gone in (path, f"{path}/messages", f"/api/v1/messages/{message['id']}"):
        assert [(await who.get(gone)).status_code for who in (me, you)] == [404, 404]
    assert (await me.delete(path, expectedVersion=2)).status_code == 404
    assert [entry["kind"] for entry in await given.entries(response)] == ["deleted"]


async def test_only_the_creator_deletes_a_conversation(given, begun):
    me, you, stranger = [await given.an_account() for _ in range(3)]
    conversation = await begun(me, you)
    path = f"/api/v1/conversations/{conversation['id']}"

    responses = [await who.delete(path, expectedVersion=1) for who in (you, stranger)]

    assert [response.status_code for response in responses] == [403, 404]


async def test_a_stale_version_deletes_nothing(given, begun):
    me = await given.an_account()
    conversation = await begun(me)
    path = f"/api/v1/conversations/{conversation['id']}"
    await me.patch(path, expectedVersion=1, title="First")

    response = await me.delete(path, expectedVersion=1)

    assert (response.status_code, response.json()["currentVersion"]) == (409, 2)
    assert (await me.get(path)).status_code == 200
