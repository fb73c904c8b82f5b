import asyncio
import json
import random
import tempfile
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from accord_client import (
    AsyncAccord,
    NotFound,
    Resync,
    SignedOut,
    Unauthorized,
    list_key,
    live,
    models,
    record_key,
)
from accord_client.models import CreateConversation, UpdateMe
from checked_client import new_address
from cutting_proxy import cutting_proxy
from given import details
from running import Service
from websockets.asyncio.client import ClientConnection, connect


def key_of(person):
    return record_key("users", person.id)


async def rename(accord, version):
    await accord.update_me(UpdateMe(expected_version=version, first_name=f"Name {version}"))


async def take(changes, count):
    async with asyncio.timeout(60):
        return [await news_of(changes) for _ in range(count)]


async def news_of(changes):
    while is_registration(news := await anext(changes)):
        pass
    return news


def is_registration(news):
    """Say whether an account is new: that may still be on its way when it begins to be followed."""
    return isinstance(news, models.Change) and news.kind == "created" and news.key.startswith("getRecord:users:")


async def nothing_more(changes):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.4):
            await anext(changes)
    return True


async def test_a_change_is_told_with_its_version(person):
    ada = await person()
    accord = await ada.client()

    async with accord.live.follow(key_of(ada)) as changes:
        await rename(accord, 1)
        [change] = await take(changes, 1)

    assert isinstance(change, models.Change)
    assert (change.key, change.version, change.kind) == (key_of(ada), 2, "updated")


async def test_lists_can_be_followed(person):
    ada = await person()
    accord = await ada.client()

    async with accord.live.follow(list_key(ada.id, "conversations")) as changes:
        await accord.create_conversation(CreateConversation(title="Plans"))
        [change] = await take(changes, 1)

    assert change.kind == "created"


async def test_changes_during_disconnections_arrive_once_and_in_order(person):
    ada = await person()
    accord, writer = await ada.client(), await ada.client()
    chance = random.Random(7)

    async with accord.live.follow(key_of(ada)) as changes:
        for version in range(1, 41):
            await rename(writer, version)
            if chance.random() < 0.2:
                accord.live.disconnect()
        news = await take(changes, 40)
        assert await nothing_more(changes)

    assert [change.version for change in news] == list(range(2, 42))
    positions = [change.position for change in news]
    assert positions == sorted(set(positions))


async def test_following_resumes_when_the_service_returns(person, proxy):
    ada = await person()
    accord, writer = await ada.client(proxy.url), await ada.client()

    async with accord.live.follow(key_of(ada)) as changes:
        await proxy.stop()
        for version in (1, 2, 3):
            await rename(writer, version)
        await asyncio.sleep(0.5)
        await proxy.start()
        news = await take(changes, 3)

    assert [change.version for change in news] == [2, 3, 4]


async def test_followers_of_one_key_share_one_subscription(person, proxy):
    ada = await person()
    sent = []
    accord, writer = await ada.client(proxy.url, web_socket=noting(sent)), await ada.client()

    async with accord.live.follow(key_of(ada)) as first:
        async with accord.live.follow(key_of(ada)) as second:
            await rename(writer, 1)
            assert (await take(first, 1)) == (await take(second, 1))
        await rename(writer, 2)
        assert (await take(first, 1))[0].version == 3

    assert proxy.count("GET /api/v1/ws") == 1
    assert [frame["type"] for frame in sent].count("unsubscribe") == 1


def noting(sent, instead_of_subscribed=()):
    """Return what opens sockets that note the frames sent, and give these for the first `subscribed` frames."""
    others = list(instead_of_subscribed)

    class Noting(ClientConnection):
        async def send(self, message, *, text=None):
            sent.append(json.loads(message))
            await super().send(message, text=text)

        async def recv(self, decode=None):
            text = await super().recv(decode)
            other = others.pop(0) if others and json.loads(text)["type"] == "subscribed" else None
            return text if other is None else json.dumps(other)

    return partial(connect, create_connection=Noting)


async def test_a_follower_from_an_earlier_position_gets_what_was_missed_and_others_nothing_twice(person):
    ada = await person()
    accord = await ada.client()
    cursor = (await accord.query_records(models.QueryRecords(pointers=[]))).cursor

    async with accord.live.follow(key_of(ada)) as first:
        await rename(accord, 1)
        await rename(accord, 2)
        await take(first, 2)
        async with accord.live.follow(key_of(ada), after=cursor) as second:
            await rename(accord, 3)
            assert [change.version for change in await take(second, 3)] == [2, 3, 4]
        assert [change.version for change in await take(first, 1)] == [4]
        assert await nothing_more(first)


async def test_the_connection_closes_with_the_last_follower_and_opens_again(person, proxy):
    ada = await person()
    accord = await ada.client(proxy.url)

    for version in (1, 2):
        async with accord.live.follow(key_of(ada)) as changes:
            await rename(accord, version)
            await take(changes, 1)
        assert not accord.live.is_connected

    assert proxy.count("GET /api/v1/ws") == 2


async def test_a_key_of_another_account_is_refused(person):
    ada, bob = await person(), await person()
    accord = await ada.client()

    with pytest.raises(NotFound):
        async with accord.live.follow(key_of(ada), key_of(bob)):
            pass

    assert not accord.live.is_connected


async def test_a_follower_that_loses_access_is_told(person):
    ada, bob = await person(), await person()
    hers, his = await ada.client(), await bob.client()
    made = await hers.create_conversation(CreateConversation(title="Plans", member_ids=[bob.account.id]))

    async with his.live.follow(record_key("conversations", made.id)) as changes:
        await hers.remove_member(made.id, bob.account.id, expected_version=1)
        with pytest.raises(NotFound):
            await take(changes, 10)


async def test_a_refused_key_is_not_subscribed_again_after_a_reconnect(person):
    ada, bob = await person(), await person()
    sent = []
    hers, his = await ada.client(), await bob.client(web_socket=noting(sent))
    made = await hers.create_conversation(CreateConversation(title="Plans", member_ids=[bob.account.id]))

    async with his.live.follow(record_key("conversations", made.id)) as lost, his.live.follow(key_of(bob)) as changes:
        await hers.remove_member(made.id, bob.account.id, expected_version=1)
        with pytest.raises(NotFound):
            await take(lost, 10)
        sent.clear()
        his.live.disconnect()
        await rename(his, 1)
        assert [change.version for change in await take(changes, 1)] == [2]
        assert {frame["key"] for frame in sent if frame["type"] == "subscribe"} == {key_of(bob)}


async def test_a_refused_follower_makes_established_ones_subscribe_again(person):
    ada = await person()
    sent = []
    accord = await ada.client(web_socket=noting(sent))
    error = {"type": "error", "code": "TOO_MANY_KEYS", "message": "Follow fewer keys.", "key": key_of(ada)}

    async with accord.live.follow(key_of(ada)) as changes:
        sent.clear()
        accord.live._asked[key_of(ada)] = []  # For a follower that has left since.
        await accord.live._take(error)
        await rename(accord, 1)

        assert [change.version for change in await take(changes, 1)] == [2]
        assert [frame["type"] for frame in sent] == ["subscribe"]


@pytest.mark.parametrize("code", ["SERVICE_UNAVAILABLE", "TIMEOUT"])
async def test_a_key_that_no_worker_could_check_is_subscribed_again_for_all_followers(person, code):
    ada = await person()
    sent, error = [], {"type": "error", "code": code, "message": "Try again.", "key": key_of(ada)}
    accord = await ada.client(web_socket=noting(sent, instead_of_subscribed=[None, error]))

    # A cursor of its own makes the second follower subscribe, too: the error is for both.
    unknown = f"{2**53 - 1}.00000000"
    follow = accord.live.follow
    async with follow(key_of(ada)) as first, follow(key_of(ada), after=unknown) as second:
        await rename(accord, 1)
        [change] = await take(first, 1)
        resync, _ = await take(second, 2)

    assert (change.version, type(resync)) == (2, Resync)
    assert [frame["type"] for frame in sent].count("subscribe") == 4


async def test_a_position_that_is_unknown_is_a_resync(person):
    ada = await person()
    accord = await ada.client()

    async with accord.live.follow(key_of(ada), after=f"{2**53 - 1}.00000000") as changes:
        [news] = await take(changes, 1)
        await rename(accord, 1)
        [change] = await take(changes, 1)

    assert isinstance(news, Resync)
    assert (news.key, change.version) == (key_of(ada), 2)


async def test_following_needs_a_session(service):
    async with AsyncAccord(service.url) as accord:
        with pytest.raises(Unauthorized):
            async with accord.live.follow("getRecord:users:01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f"):
                pass


async def test_a_bad_token_is_replaced(person):
    ada = await person()
    accord = await ada.client()
    ada.expire(access_token="not.a.token")

    async with accord.live.follow(key_of(ada)) as changes:
        await rename(accord, 1)
        await take(changes, 1)

    assert await ada.refreshes() == 1


async def test_a_session_that_is_over_ends_what_follows(person):
    ada = await person()
    accord = await ada.client()

    async with accord.live.follow(key_of(ada)) as changes:
        await ada.account.post("/api/v1/auth/logout-all")
        accord.live.disconnect()
        with pytest.raises(SignedOut):
            await take(changes, 1)


async def test_signing_out_ends_what_follows(person):
    ada = await person()
    accord = await ada.client()

    async with accord.live.follow(key_of(ada)) as changes:
        await accord.sign_out()
        with pytest.raises(Unauthorized):
            await take(changes, 1)


async def test_signing_in_as_another_account_follows_as_that_account(person, password):
    ada, bob = await person(), await person()
    accord = await ada.client()

    async with accord.live.follow(key_of(ada)) as changes:
        await accord.sign_in(bob.email, password)
        with pytest.raises(NotFound):
            await take(changes, 1)


async def test_closing_the_client_ends_the_iteration(person):
    ada = await person()
    accord = await ada.client()

    async with accord.live.follow(key_of(ada)) as changes:
        await accord.live.close()
        assert [change async for change in changes if not is_registration(change)] == []


@asynccontextmanager
async def service_with_short_tokens():
    # Not below pytest's own folder, for the reason that the session's service has.
    with tempfile.TemporaryDirectory(prefix="accord-tests-") as folder:
        service = Service(Path(folder), ACCESS_TOKEN_TTL="8")
        try:
            yield await asyncio.to_thread(service.start)
        finally:
            await asyncio.to_thread(service.stop)


async def test_a_connection_outlives_its_token(monkeypatch):
    # The tenth of so short a life is less than a busy machine may take to renew it.
    assert live._margin(8) == 0.8
    monkeypatch.setattr(live, "_margin", lambda left: left / 2)

    async with (
        service_with_short_tokens() as service,
        cutting_proxy(service.url) as proxy,
        AsyncAccord(proxy.url, headers={"X-Forwarded-For": new_address()}) as accord,
    ):
        body = details()
        user = await accord.register(models.Register.from_dict(body))
        await accord.sign_in(body["email"], body["password"])

        async with accord.live.follow(record_key("users", user.id)) as changes:
            await asyncio.sleep(9)
            await rename(accord, 1)
            [change] = await take(changes, 1)

            assert change.version == 2
            assert proxy.count("GET /api/v1/ws") == 1
