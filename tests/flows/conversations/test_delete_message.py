async def test_the_author_deletes_a_message_and_its_text(given, begun, said):
    me, you = await given.an_account(), await given.an_account()
    message = await said(you, await begun(me, you), "Something secret")
    path = f"/api/v1/messages/{message['id']}"

    response = await you.delete(path, expectedVersion=1)

    assert response.status_code == 204
    assert [(await who.get(path)).status_code for who in (me, you)] == [404, 404]
    assert (await you.delete(path, expectedVersion=2)).status_code == 404
    assert (await you.patch(path, expectedVersion=2, text="Back")).status_code == 404
    assert await given.sql("SELECT text FROM accord.messages WHERE id = %s", message["id"]) == [("",)]


async def test_another_member_a_stranger_and_a_stale_version_delete_nothing(given, begun, said):
    me, you, stranger = [await given.an_account() for _ in range(3)]
    message = await said(you, await begun(me, you))
    path = f"/api/v1/messages/{message['id']}"

    responses = [
        await me.delete(path, expectedVersion=1),
        await stranger.delete(path, expectedVersion=1),
        await you.delete(path, expectedVersion=2),
    ]

    assert [response.status_code for response in responses] == [403, 404, 409]
    assert (await you.get(path)).json() == message
