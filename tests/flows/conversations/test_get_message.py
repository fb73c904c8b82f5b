async def test_members_read_it_and_to_others_it_does_not_exist(given, begun, said):
    me, you, stranger = [await given.an_account() for _ in range(3)]
    message = await said(me, await begun(me, you))
    path = f"/api/v1/messages/{message['id']}"

    responses = [await who.get(path) for who in (me, you, stranger)]

    assert [response.status_code for response in responses] == [200, 200, 404]
    assert responses[1].json() == message
    assert (await you.get(path, {"If-None-Match": '"1"'})).status_code == 304


async def test_a_member_who_left_cannot_read_their_messages(given, begun, said):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    message = await said(you, conversation)

    await you.delete(f"/api/v1/conversations/{conversation['id']}/members/{you.id}", expectedVersion=1)

    assert (await you.get(f"/api/v1/messages/{message['id']}")).status_code == 404
