"""What clients may send, and what they get for anything else (L-1, L-2, L-6)."""

import json

import pytest
from live_client import record_key

UNKNOWN = "01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f"
AFTER = [
    -1,
    1.5,
    41,
    "41",
    "41.",
    "41.9F3A2B1C",
    "041.9f3a2b1c",
    "41.9f3a2b1c0",
    "41.9f3a2b1c\n",
    "",
    f"{2**64}.9f3a2b1c",
]
"""What is no cursor, such as a bare position."""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "null",
        "1e400",
        '"ping"',
        "{}",
        '{"type": 7}',
        '{"type": null}',
        '{"type": ["ping"]}',
        '{"type": "welcome"}',
        '{"type": "ping", "type": "ping"}',
        '{"type": "ping", "more": 1}',
        '{"type": "authenticate"}',
        '{"type": "authenticate", "token": ""}',
        '{"type": "authenticate", "token": "with a space"}',
        json.dumps({"type": "authenticate", "token": "x" * 4097}),
        '{"type": "subscribe", "key": "nonsense"}',
        '{"type": "subscribe", "key": "getRecord:users:me"}',
        *(json.dumps({"type": "subscribe", "key": f"getRecord:users:{UNKNOWN}", "after": after}) for after in AFTER),
        "[" * 60_000,
        b'{"type": "ping"}',
    ],
    ids=lambda text: repr(text[:40]),
)
async def test_a_frame_that_is_not_described_is_an_error_and_no_close(live, text):
    socket = await live()

    await socket.connection.send(text)

    refused = await socket.expect("error")
    assert refused["code"] == "VALIDATION_ERROR"
    await socket.ping()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"type": "subscribe", "key": "nonsense"}', "nonsense"),
        ('{"type": "unsubscribe", "key": ""}', ""),
        (json.dumps({"type": "subscribe", "key": "x" * 60_000}), "x" * 60_000),
        (f'{{"type": "subscribe", "key": "getRecord:users:{UNKNOWN}", "after": 41}}', f"getRecord:users:{UNKNOWN}"),
        (f'{{"type": "subscribe", "key": "getRecord:users:{UNKNOWN}", "x": 1}}', f"getRecord:users:{UNKNOWN}"),
        (f'{{"type": "subscibe", "key": "getRecord:users:{UNKNOWN}"}}', f"getRecord:users:{UNKNOWN}"),
        ('{"key": "nonsense"}', "nonsense"),
        ('{"type": "subscribe", "key": "a\\u0000b"}', "a\0b"),
        ('{"type": "subscribe", "type": "subscribe", "key": "twice"}', "twice"),
        (f'{{"type": "subscribe", "key": "getRecord:users:{UNKNOWN}"}}', f"getRecord:users:{UNKNOWN}"),
        (b'{"type": "subscribe", "key": "bytes"}', "bytes"),
    ],
    ids=lambda text: repr(text[:60]),
)
async def test_an_error_names_the_key_of_its_frame(live, text, key):
    socket = await live()

    await socket.connection.send(text)

    assert (await socket.expect("error"))["key"] == key


async def test_an_error_does_not_repeat_what_was_sent(live):
    socket = await live()

    await socket.connection.send('{"type": "authenticate", "token": "my secret token"}')

    assert "my secret" not in (await socket.expect("error"))["message"]


async def test_a_frame_over_64_kib_closes(live):
    socket = await live()

    await socket.connection.send("x" * 65_537)

    assert await socket.closed() == 1009


@pytest.mark.parametrize(
    "key",
    [
        "getRecord:users:{other}",
        "getRecord:sessions:{me}",
        "getRecord:nonsense:{me}",
        "getRecord:users:------------------------------------",
        "getList:{other}:conversations",
        "getList:{me}:nonsense",
    ],
)
async def test_a_key_without_access_is_like_a_missing_one(given, live, key):
    me, other = await given.an_account(), await given.an_account()
    socket = await live(me)

    await socket.send("subscribe", key=f"getRecord:users:{UNKNOWN}")
    unknown = await socket.expect("error")
    await socket.send("subscribe", key=key.format(me=me.id, other=other.id))
    foreign = await socket.expect("error")

    assert unknown["code"] == "NOT_FOUND"
    assert {**foreign, "key": ""} == {**unknown, "key": ""}


async def test_a_refused_key_delivers_nothing_later_either(given, live):
    me, other = await given.an_account(), await given.an_account()
    socket, theirs = await live(me), await live(other)
    await socket.send("subscribe", key=record_key(other))
    await socket.expect("error")
    await theirs.subscribe(record_key(other))

    await other.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
    await theirs.expect("change")

    await socket.ping()


async def test_an_administrator_follows_the_account_of_another(given, live):
    admin, other = await given.an_admin(), await given.an_account()
    socket = await live(admin)
    await socket.subscribe(record_key(other))

    await other.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    assert (await socket.expect("change"))["version"] == 2


async def test_unsubscribing_ends_it_and_doing_so_twice_harms_nothing(given, live):
    me = await given.an_account()
    socket, other = await live(me), await live(me)
    await socket.subscribe(record_key(me))
    await other.subscribe(record_key(me))

    for _ in range(2):
        await socket.send("unsubscribe", key=record_key(me))
    await socket.ping()
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
    await other.expect("change")

    await socket.ping()


async def test_subscribing_again_tells_again_and_delivers_once(given, live):
    me = await given.an_account()
    socket = await live(me)

    for _ in range(2):
        await socket.subscribe(record_key(me))
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    await socket.expect("change")
    await socket.ping()


async def test_a_deleted_record_says_so(given, live):
    root, other = await given.root(), await given.an_account()
    socket = await live(root)
    await socket.subscribe(record_key(other))

    await root.delete(f"/api/v1/users/{other.id}", expectedVersion=1)

    assert (await socket.expect("change"))["kind"] == "deleted"


async def test_events_that_change_nothing_are_no_changes(given, live):
    me = await given.an_account()
    socket = await live(me)
    await socket.subscribe(record_key(me))

    await given.failed_logins(me.email, 1)
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    assert (await socket.expect("change"))["version"] == 2
