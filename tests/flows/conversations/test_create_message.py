from uuid import uuid4


async def test_a_member_says_something_and_the_list_is_announced(given, begun):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)

    response = await you.post(f"/api/v1/conversations/{conversation['id']}/messages", text="Shall we begin?")

    message = response.json()
    assert (response.status_code, response.headers["etag"]) == (201, '"1"')
    assert (message["text"], message["authorId"], message["conversationId"]) == (
        "Shall we begin?",
        you.id,
        conversation["id"],
    )
    keys = await given.sql(
        "SELECT record_table, list_keys FROM accord.journal WHERE request_id = %s", response.headers["x-request-id"]
    )
    assert keys == [("messages", [f"getList:{conversation['id']}:messages"])]


async def test_a_stranger_says_nothing(given, begun):
    me, stranger = await given.an_account(), await given.an_account()
    conversation = await begun(me)

    responses = [
        await stranger.post(f"/api/v1/conversations/{conversation_id}/messages", text="Hello")
        for conversation_id in (conversation["id"], uuid4())
    ]

    assert [response.status_code for response in responses] == [404, 404]
    assert (await me.get(f"/api/v1/conversations/{conversation['id']}/messages")).json()["items"] == []
