"""Access is checked where data leaves: what is queued, starting or replayed when it ends does not go out (L-2, L-4)."""

import asyncio
from contextlib import suppress
from typing import Any

import httpx
import pytest
from live_client import LiveSocket, open_stream, record_key
from websockets.exceptions import ConnectionClosed

from accord.context import SignedIn
from accord.live import frames
from accord.live.grants import Grants
from accord.live.subscriber import Subscriber

MESSAGES = 300
ROUNDS = 12


async def begun(me, *others) -> dict[str, Any]:
    response = await me.post("/api/v1/conversations", title="Plans", memberIds=[other.id for other in others])
    assert response.status_code == 201, response.text
    return response.json()


def key_of(conversation) -> str:
    return f"getRecord:conversations:{conversation['id']}"


def messages_of(conversation) -> str:
    return f"getList:{conversation['id']}:messages"


async def taken_out(me, conversation, other) -> None:
    path = f"/api/v1/conversations/{conversation['id']}/members/{other.id}"
    response = await me.delete(path, expectedVersion=conversation["version"])
    assert response.status_code == 200, response.text


async def written(me, conversation, text: str = "Hello") -> dict[str, Any]:
    response = await me.post(f"/api/v1/conversations/{conversation['id']}/messages", text=text)
    assert response.status_code == 201, response.text
    return response.json()


async def frames_until_pong(socket: LiveSocket) -> list[dict[str, Any]]:
    await socket.send("ping")
    frames = [await socket.next()]
    while frames[-1]["type"] != "pong":
        frames.append(await socket.next())
    return frames[:-1]


async def test_subscriptions_that_depend_on_a_conversation_end_before_its_next_change(given, live):
    """With many keys: nothing is read again, so what is changed at once after the removal is heard by nobody left."""
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    messages = [
        {
            "op": "create",
            "table": "messages",
            "id": f"01980d5e-{number:04x}-7c3a-8f2e-{conversation['id'][-12:]}",
            "record": {"conversationId": conversation["id"], "text": "Hello"},
        }
        for number in range(MESSAGES)
    ]
    made = await me.post("/api/v1/transactions", transactionId=conversation["id"], operations=messages)
    assert made.status_code == 200, made.text
    mine, yours = await live(me), await live(you)
    keys = [f"getRecord:messages:{message['id']}" for message in messages]
    for key in keys:
        await yours.send("subscribe", key=key)
    for _ in keys:
        await yours.expect("subscribed")
    await yours.subscribe(record_key(you))
    await yours.subscribe(messages_of(conversation))
    await mine.subscribe(keys[-1])

    await taken_out(me, conversation, you)
    await me.patch(f"/api/v1/messages/{messages[-1]['id']}", expectedVersion=1, text="Without you")
    await mine.expect("change")
    heard = await frames_until_pong(yours)
    await you.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    assert {(frame["type"], frame["key"]) for frame in heard} == {
        ("revoked", key) for key in [*keys, messages_of(conversation)]
    }
    assert (await yours.expect("change"))["key"] == record_key(you)


async def test_subscriptions_that_depend_on_a_conversation_end_with_it(given, live):
    me, you = await given.an_account(), await given.an_account()
    conversation = await begun(me, you)
    message = await written(me, conversation)
    yours = await live(you)
    for key in (key_of(conversation), messages_of(conversation), f"getRecord:messages:{message['id']}"):
        await yours.subscribe(key)

    await me.delete(f"/api/v1/conversations/{conversation['id']}", expectedVersion=1)

    heard = [await yours.next() for _ in range(4)]
    assert [(frame["type"], frame["key"]) for frame in heard[:2]] == [
        ("change", key_of(conversation)),
        ("change", messages_of(conversation)),
    ]
    assert {(frame["type"], frame["key"]) for frame in heard[2:]} == {
        ("revoked", messages_of(conversation)),
        ("revoked", f"getRecord:messages:{message['id']}"),
    }


async def test_following_while_being_removed_leaves_no_subscription(given, live):
    me, you = await given.an_account(), await given.an_account()
    mine, yours = await live(me), await live(you)
    for _ in range(ROUNDS):
        conversation = await begun(me, you)
        message = await written(me, conversation)
        keys = [messages_of(conversation), f"getRecord:messages:{message['id']}"]
        await mine.subscribe(keys[1])

        await asyncio.gather(
            taken_out(me, conversation, you), *(yours.send("subscribe", key=key, after="0.00000000") for key in keys)
        )
        await me.patch(f"/api/v1/messages/{message['id']}", expectedVersion=1, text="Without you")
        while (await mine.expect("change"))["version"] != 2:
            pass
        heard = await frames_until_pong(yours)
        heard += await frames_until_pong(yours)

        ends = {frame["key"] for frame in heard if frame["type"] in {"error", "revoked"}}
        assert ends == set(keys)
        assert sorted(frame["key"] for frame in heard if frame["type"] in {"subscribed", "error"}) == sorted(keys)
        assert 2 not in [frame["version"] for frame in heard if frame["type"] == "change"]


async def test_opening_a_stream_while_being_removed_leaves_no_subscription(given):
    me, you = await given.an_account(), await given.an_account()
    for _ in range(4):
        conversation = await begun(me, you)
        streaming = asyncio.create_task(all_events(you, messages_of(conversation)))
        await taken_out(me, conversation, you)
        await written(me, conversation)

        events = await streaming

        assert events is None or [name for name, _ in events if name != "subscribed"] == ["revoked"]


async def all_events(account, key: str) -> list[tuple[str, dict[str, Any]]] | None:
    """Return what a stream tells until it says that access ended; None when it was refused."""
    events: list[tuple[str, dict[str, Any]]] = []
    try:
        async with open_stream(account, key) as stream, asyncio.timeout(30):
            while not events or events[-1][0] != "revoked":
                events.append(await stream.next())
    except AssertionError:
        return None
    return events


async def test_queued_changes_are_dropped_except_the_one_that_ended_access():
    subscriber = Subscriber()
    subscriber.keys = {"list": (), "record": (), "other": ()}
    for key, frame in [("list", "1"), ("record", "2"), ("other", "3"), ("record", "4"), ("list", "5")]:
        subscriber.put_change((key, frame), frames.as_bytes(frame))

    subscriber.drop({"list", "record"}, "record")
    subscriber.put("revoked")

    assert [await subscriber.take() for _ in range(3)] == ["3", "4", "revoked"]


async def test_changes_while_a_refused_key_was_starting_are_not_delivered_later():
    subscriber = Subscriber()
    for version in ("1", "2"):
        subscriber.keys["record"] = ()
        subscriber.starting.add("record")
        subscriber.put_change(("record", version), frames.as_bytes(version))
        if version == "1":
            subscriber.stop("record")

    subscriber.begun()
    subscriber.put("last")

    assert [await subscriber.take() for _ in range(2)] == ["2", "last"]


def test_access_lost_during_a_check_is_noted_and_costs_others_nothing():
    grants, mine, theirs = Grants(), Subscriber(), Subscriber()
    mine.caller, theirs.caller = SignedIn.user("me", "customer", "1"), SignedIn.user("you", "customer", "2")
    lost, kept = grants.check(mine), grants.check(theirs)
    grants.add(mine, "message", ["message", "conversation"])
    grants.add(theirs, "message", ["message", "conversation"])

    assert grants.lost(["conversation"], "me") == {mine: {"message"}}
    assert (lost, kept) == ({"conversation"}, set())
    grants.discard(mine, "message")
    assert grants.lost(["conversation"], "me") == {}
    assert grants.lost(["conversation"], None) == {theirs: {"message"}}


async def test_a_new_role_ends_what_was_followed_also_when_the_account_signs_in_anew_at_once(given, live, other_url):
    root, admin, other = await given.root(), await given.an_admin(), await given.an_account()
    socket = await live(admin, other_url)
    await socket.subscribe(record_key(other))
    version = (await root.get(f"/api/v1/users/{admin.id}")).json()["version"]

    await root.patch(f"/api/v1/users/{admin.id}", expectedVersion=version, role="customer")
    again = await given.signed_in(admin.email)
    with suppress(ConnectionClosed):
        await socket.send("authenticate", token=again.tokens["accessToken"])

    assert await socket.closed() == 4401


async def ends_by_logout(me, _root) -> httpx.Response:
    return await me.post("/api/v1/auth/logout")


async def ends_everywhere(me, _root) -> httpx.Response:
    return await me.post("/api/v1/auth/logout-all")


async def ends_by_disabling(me, root) -> httpx.Response:
    return await root.patch(f"/api/v1/users/{me.id}", expectedVersion=1, disabled=True)


async def ends_by_a_new_role(me, root) -> httpx.Response:
    return await root.patch(f"/api/v1/users/{me.id}", expectedVersion=1, role="admin")


@pytest.mark.parametrize("end", [ends_by_logout, ends_everywhere, ends_by_disabling, ends_by_a_new_role])
async def test_the_process_that_ended_a_session_sends_nothing_more(given, live, end):
    me, friend, root = await given.an_account(), await given.an_account(), await given.root()
    conversation = await begun(friend, me)
    socket = await live(me)
    await socket.subscribe(key_of(conversation))

    async with open_stream(me, key_of(conversation)) as stream:
        await stream.expect("subscribed")
        ended = await end(me, root)
        await friend.patch(f"/api/v1/conversations/{conversation['id']}", expectedVersion=1, title="Without you")
        closing = await stream.expect("closing")
        with pytest.raises(ConnectionClosed):
            raise AssertionError(await socket.next())

    assert ended.status_code in {200, 204}
    assert (closing["code"], socket.connection.close_code) == (4401, 4401)
