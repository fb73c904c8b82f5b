from uuid import uuid4


async def test_a_conversation_of_others_is_like_one_that_does_not_exist(given, begun):
    me, stranger = await given.an_account(), await given.an_account()
    conversation = await begun(me)

    foreign = await stranger.get(f"/api/v1/conversations/{conversation['id']}")
    unknown = await stranger.get(f"/api/v1/conversations/{uuid4()}")

    assert [response.status_code for response in (foreign, unknown)] == [404, 404]
    same = {"instance", "requestId"}
    assert {k: v for k, v in foreign.json().items() if k not in same} == {
        k: v for k, v in unknown.json().items() if k not in same
    }


async def test_administrators_do_not_read_conversations_of_others(given, begun):
    me, root = await given.an_account(), await given.root()
    conversation = await begun(me)

    assert (await root.get(f"/api/v1/conversations/{conversation['id']}")).status_code == 404


async def test_a_read_with_the_current_version_is_304(given, begun):
    me = await given.an_account()
    conversation = await begun(me)

    response = await me.get(f"/api/v1/conversations/{conversation['id']}", {"If-None-Match": '"1"'})

    assert response.status_code == 304
