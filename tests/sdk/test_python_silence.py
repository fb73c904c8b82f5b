"""Connections that stay open while no response comes: they are replaced, and each follower goes on."""

import asyncio
import json
from functools import partial

import pytest
from accord_client import list_key, live
from accord_client.models import CreateConversation
from accord_client.questions import RESPONSE_TIMEOUT, SILENCE_TIMEOUT, Questions
from websockets.asyncio.client import ClientConnection, connect

from .cache_model import Loop
from .test_python_live import key_of, rename, take


def swallowing(*kinds):
    """Return what opens sockets that lose the first frame of each of these kinds, as a proxy may."""
    left = list(kinds)

    class Swallowing(ClientConnection):
        async def recv(self, decode=None):
            while True:
                text = await super().recv(decode)
                if (kind := json.loads(text)["type"]) not in left:
                    return text
                left.remove(kind)

    return partial(connect, create_connection=Swallowing)


@pytest.mark.parametrize("lost", ["welcome", "authenticated", "subscribed"])
async def test_a_connection_without_responses_is_replaced(person, monkeypatch, lost):
    monkeypatch.setattr("accord_client.questions.SILENCE_TIMEOUT", 0.5)
    monkeypatch.setattr(live, "CONNECT_TIMEOUT", 0.5)
    ada = await person()
    accord = await ada.client(web_socket=swallowing(lost))

    async with accord.live.follow(key_of(ada)) as changes:
        await rename(accord, 1)
        assert [change.version for change in await take(changes, 1)] == [2]


async def test_followers_of_a_connection_that_fell_silent_go_on_when_another_asks(person, proxy, monkeypatch):
    monkeypatch.setattr("accord_client.questions.SILENCE_TIMEOUT", 0.5)
    ada = await person()
    accord, writer = await ada.client(proxy.url), await ada.client()

    async with accord.live.follow(key_of(ada)) as changes:
        proxy.freeze()
        await rename(writer, 1)
        async with accord.live.follow(list_key(ada.id, "conversations")) as others:
            await writer.create_conversation(CreateConversation(title="Plans"))
            assert [change.version for change in await take(changes, 1)] == [2]
            assert [change.kind for change in await take(others, 1)] == ["created"]


async def test_a_connection_that_lost_one_response_is_replaced_although_other_frames_arrive(person, monkeypatch):
    monkeypatch.setattr("accord_client.questions.RESPONSE_TIMEOUT", 1.0)
    ada = await person()
    accord, writer = await ada.client(web_socket=swallowing("subscribed")), await ada.client()
    following = asyncio.create_task(enter(accord.live.follow(list_key(ada.id, "conversations"))))
    await asyncio.sleep(0)  # Its key is asked about first.

    async with accord.live.follow(key_of(ada)) as changes:
        version = 1
        while not following.done():
            await rename(writer, version)
            await take(changes, 1)
            version += 1

    await following


async def enter(following):
    async with following:
        pass


def test_a_request_has_its_own_time_whatever_frames_come_first():
    loop, given_up = Loop(), []
    questions = Questions(lambda: given_up.append(loop.time()))
    loop.call_soon(questions.asked, "first")
    for _ in range(6):
        loop.wait(RESPONSE_TIMEOUT / 6 - 0.1)
        loop.call_soon(questions.asked, "ping")
        loop.call_soon(questions.responded, "ping")
        loop.call_soon(questions.heard)
    loop.wait(0.5)
    assert given_up == []
    loop.wait(0.2)

    assert given_up == [RESPONSE_TIMEOUT]
    loop.close()


def test_the_oldest_question_has_time_however_many_are_behind_it():
    loop, given_up = Loop(), []
    questions = Questions(lambda: given_up.append(loop.time()))
    for name in ("first", "second", "third"):
        loop.call_soon(questions.asked, name)

    for name in ("first", "second"):
        loop.wait(SILENCE_TIMEOUT - 1)
        loop.call_soon(questions.responded, name)
    loop.wait(SILENCE_TIMEOUT - 1)
    assert given_up == []
    loop.wait(1)

    assert given_up == [3 * SILENCE_TIMEOUT - 2]
    loop.close()
