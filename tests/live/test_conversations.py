"""Records that several people follow, and lists (L-2, L-4, R-7)."""


async def begun(me, *others) -> dict:
    response = await me.post("/api/v1/conversations", title="Plans", memberIds=[other.id for other in others])
    assert response.status_code == 201, response.text
    return response.json()


async def test_members_hear_of_a_new_conversation_in_their_list(given, live):
    me, you = await given.an_account(), await given.an_account()
    mine, yours = await live(me), await live(you)
    for socket, account in ((mine, me), (yours, you)):
        listed = await socket.subscribe(f"getList:{account.id}:conversations")
        assert "version" not in listed

    await begun(me, you)

    kinds = [(await socket.expect("change"))["kind"] for socket in (mine, yours)]
    assert kinds == ["created", "created"]


async def test_members_hear_of_its_changes_and_strangers_do_not_find_it(given, live):
    me, you, stranger = [await given.an_account() for _ in range(3)]
    conversation = await begun(me, you)
    key = f"getRecord:conversations:{conversation['id']}"
    yours, theirs = await live(you), await live(stranger)
    await yours.subscribe(key)
    await theirs.send("subscribe", key=key)
    assert (await theirs.expect("error"))["code"] == "NOT_FOUND"

    await me.patch(f"/api/v1/conversations/{conversation['id']}", expectedVersion=1, title="Other plans")

    assert (await yours.expect("change"))["version"] == 2
    await theirs.ping()


async def test_a_removed_member_is_told_at_once_and_gets_no_more_changes(given, live):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    path, key = f"/api/v1/conversations/{conversation['id']}", f"getRecord:conversations:{conversation['id']}"
    mine, yours = await live(me), await live(you)
    for socket in (mine, yours):
        await socket.subscribe(key)

    await me.delete(f"{path}/members/{you.id}", expectedVersion=1)
    await yours.expect("change")
    revoked = await yours.expect("revoked")
    await me.patch(path, expectedVersion=2, title="Without you")

    assert revoked["key"] == key
    assert [(await mine.expect("change"))["version"] for _ in range(2)] == [2, 3]
    await yours.ping()
    await yours.send("subscribe", key=key, after="0.00000000")
    assert (await yours.expect("error"))["code"] == "NOT_FOUND"


async def test_the_messages_of_a_conversation_are_lost_with_it(given, live):
    me, you = await given.an_account(), await given.an_account()
    path = f"/api/v1/conversations/{(await begun(me, you))['id']}"
    message = (await me.post(f"{path}/messages", text="Hello")).json()
    yours = await live(you)
    await yours.subscribe(f"getRecord:users:{you.id}")
    await yours.subscribe(f"getRecord:messages:{message['id']}")
    current = (await me.get(path)).json()["version"]

    removed = await me.delete(f"{path}/members/{you.id}", expectedVersion=current)

    assert removed.status_code == 200
    assert (await yours.expect("revoked"))["key"] == f"getRecord:messages:{message['id']}"
    await you.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
    assert (await yours.expect("change"))["version"] == 2


def messages_of(conversation) -> str:
    return f"getList:{conversation['id']}:messages"


async def test_members_follow_the_messages_of_a_conversation(given, live):
    me, you, stranger = [await given.an_account() for _ in range(3)]
    conversation = await begun(me, you)
    yours, theirs = await live(you), await live(stranger)
    assert "version" not in await yours.subscribe(messages_of(conversation))
    await theirs.send("subscribe", key=messages_of(conversation))
    assert (await theirs.expect("error"))["code"] == "NOT_FOUND"

    message = (await me.post(f"/api/v1/conversations/{conversation['id']}/messages", text="Hello")).json()
    await me.patch(f"/api/v1/messages/{message['id']}", expectedVersion=1, text="Hello!")
    await me.delete(f"/api/v1/messages/{message['id']}", expectedVersion=2)

    heard = [await yours.expect("change") for _ in range(3)]
    assert [(frame["key"], frame["kind"]) for frame in heard] == [
        (messages_of(conversation), kind) for kind in ("created", "updated", "deleted")
    ]
    assert [frame["record"] for frame in heard] == [{"table": "messages", "id": message["id"]}] * 3
    await theirs.ping()


async def test_messages_that_were_missed_are_replayed(given, live):
    me = await given.an_account()
    conversation = await begun(me)
    first = await live(me)
    cursor = (await first.subscribe(messages_of(conversation)))["cursor"]
    for text in ("One", "Two"):
        await me.post(f"/api/v1/conversations/{conversation['id']}/messages", text=text)
        await first.expect("change")

    again = await live(me)
    await again.send("subscribe", key=messages_of(conversation), after=cursor)
    assert (await again.expect("subscribed"))["outcome"] == "replayed"
    assert [(await again.expect("change"))["kind"] for _ in range(2)] == ["created", "created"]
    polled = await me.get(f"/api/v1/changes?keys={messages_of(conversation)}&after={cursor}")
    assert [item["kind"] for item in polled.json()["items"]] == ["created", "created"]
    assert len({item["record"]["id"] for item in polled.json()["items"]}) == 2


async def test_a_removed_member_no_longer_follows_the_messages(given, live):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    yours = await live(you)
    await yours.subscribe(messages_of(conversation))

    await me.delete(f"/api/v1/conversations/{conversation['id']}/members/{you.id}", expectedVersion=1)

    assert (await yours.expect("revoked"))["key"] == messages_of(conversation)
    await me.post(f"/api/v1/conversations/{conversation['id']}/messages", text="Without you")
    await yours.ping()
    assert (await you.get(f"/api/v1/changes?keys={messages_of(conversation)}")).status_code == 404


async def test_the_list_of_messages_ends_with_its_conversation(given, live):
    me = await given.an_account()
    conversation = await begun(me)
    mine = await live(me)
    await mine.subscribe(messages_of(conversation))

    await me.delete(f"/api/v1/conversations/{conversation['id']}", expectedVersion=1)

    assert (await mine.expect("change"))["kind"] == "deleted"
