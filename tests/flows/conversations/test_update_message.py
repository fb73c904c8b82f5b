async def test_the_author_changes_only_the_text(given, begun, said):
    me, you = await given.an_account(), await given.an_account()
    message = await said(you, await begun(me, you))
    path = f"/api/v1/messages/{message['id']}"

    answer = await you.patch(path, expectedVersion=1, text="Better")
    other = await you.patch(path, expectedVersion=2, text="Best", authorId=me.id)

    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json() == message | {"text": "Better", "version": 2, "updatedAt": answer.json()["updatedAt"]}
    assert other.status_code == 400
    assert (await me.get(path)).json() == answer.json()
    keys = await given.sql("SELECT list_keys FROM accord.journal WHERE request_id = %s", answer.headers["x-request-id"])
    assert keys == [([f"getList:{message['conversationId']}:messages"],)]


async def test_another_member_is_refused_and_a_stranger_finds_nothing(given, begun, said):
    me, you, stranger = [await given.an_account() for _ in range(3)]
    message = await said(you, await begun(me, you))
    path = f"/api/v1/messages/{message['id']}"

    answers = [await who.patch(path, expectedVersion=1, text="Mine") for who in (me, stranger)]

    assert [answer.status_code for answer in answers] == [403, 404]
    assert (await you.get(path)).json() == message


async def test_a_stale_version_changes_nothing(given, begun, said):
    me = await given.an_account()
    message = await said(me, await begun(me))
    path = f"/api/v1/messages/{message['id']}"
    await me.patch(path, expectedVersion=1, text="First")

    answer = await me.patch(path, expectedVersion=1, text="Second")

    assert (answer.status_code, answer.json()["currentVersion"]) == (409, 2)
    assert (await me.get(path)).json()["text"] == "First"


async def test_a_member_who_left_cannot_change_their_messages(given, begun, said):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    message = await said(you, conversation)
    await me.delete(f"/api/v1/conversations/{conversation['id']}/members/{you.id}", expectedVersion=1)

    answer = await you.patch(f"/api/v1/messages/{message['id']}", expectedVersion=1, text="Too late")

    assert answer.status_code == 404
