async def test_the_author_changes_only_the_text(given, begun, said):
    me, you = await given.an_account(), await given.an_account()
    message = await said(you, await begun(me, you))
    path = f"/api/v1/messages/{message['id']}"

    response = await you.patch(path, expectedVersion=1, text="Better")
    other = await you.patch(path, expectedVersion=2, text="Best", authorId=me.id)

    assert (response.status_code, response.headers["etag"]) == (200, '"2"')
    assert response.json() == message | {"text": "Better", "version": 2, "updatedAt": response.json()["updatedAt"]}
    assert other.status_code == 400
    assert (await me.get(path)).json() == response.json()
    keys = await given.sql(
        "SELECT list_keys FROM accord.journal WHERE request_id = %s", response.headers["x-request-id"]
    )
    assert keys == [([f"getList:{message['conversationId']}:messages"],)]


async def test_another_member_is_refused_and_a_stranger_finds_nothing(given, begun, said):
    me, you, stranger = [await given.an_account() for _ in range(3)]
    message = await said(you, await begun(me, you))
    path = f"/api/v1/messages/{message['id']}"

    responses = [await who.patch(path, expectedVersion=1, text="Mine") for who in (me, stranger)]

    assert [response.status_code for response in responses] == [403, 404]
    assert (await you.get(path)).json() == message


async def test_a_stale_version_changes_nothing(given, begun, said):
    me = await given.an_account()
    message = await said(me, await begun(me))
    path = f"/api/v1/messages/{message['id']}"
    await me.patch(path, expectedVersion=1, text="First")

    response = await me.patch(path, expectedVersion=1, text="Second")

    assert (response.status_code, response.json()["currentVersion"]) == (409, 2)
    assert (await me.get(path)).json()["text"] == "First"


async def test_a_member_who_left_cannot_change_their_messages(given, begun, said):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    message = await said(you, conversation)
    await me.delete(f"/api/v1/conversations/{conversation['id']}/members/{you.id}", expectedVersion=1)

    response = await you.patch(f"/api/v1/messages/{message['id']}", expectedVersion=1, text="Too late")

    assert response.status_code == 404
