import asyncio

from live_client import Stream, open_stream, record_key
from raw_http import connected, request


async def change_to(stream: Stream, version: int) -> dict:
    """Return the change that made this version; those before it come first when the stream is behind."""
    while (change := await stream.expect("change"))["version"] < version:
        pass
    return change


async def test_tells_of_changes_as_they_happen(announced):
    me = await announced()

    async with open_stream(me, record_key(me)) as stream:
        begun = await stream.expect("subscribed")
        await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
        change = await change_to(stream, 2)

    assert stream.response.headers["content-type"] == "text/event-stream"
    assert (begun["outcome"], begun["version"]) == ("live", 1)
    assert (change["key"], change["version"]) == (record_key(me), 2)
    assert stream.last_id == change["cursor"]


async def test_goes_on_after_the_last_event_that_was_seen(given):
    me = await given.an_account()
    async with open_stream(me, record_key(me)) as first:
        await first.expect("subscribed")
        await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")
        await change_to(first, 2)
    async with open_stream(me, record_key(me)) as witness:
        await witness.expect("subscribed")
        await me.patch("/api/v1/me", expectedVersion=2, firstName="Augusta")
        await change_to(witness, 3)

    async with open_stream(me, record_key(me), {"Last-Event-ID": first.last_id}, after="1.00000000") as second:
        begun = await second.expect("subscribed")
        missed = await second.expect("change")

    assert (begun["outcome"], missed["version"]) == ("replayed", 3)


async def test_ends_with_the_session(given):
    me = await given.an_account()

    async with open_stream(me, record_key(me)) as stream:
        await stream.expect("subscribed")
        await me.post("/api/v1/auth/logout")
        async with asyncio.timeout(30):
            while (event := await stream.next())[0] == "change":
                pass  # Of its creation.

    assert (event[0], event[1]["code"]) == ("closing", 4401)


async def test_another_persons_record_is_not_found(given):
    me, other = await given.an_account(), await given.an_account()

    response = await me.get("/api/v1/changes/stream", keys=record_key(other))

    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")


async def test_a_client_that_takes_no_events_is_told(given):
    me = await given.an_account()

    response = await me.get("/api/v1/changes/stream", {"accept": "application/json"}, keys=record_key(me))

    assert response.status_code == 406


async def test_a_request_for_the_head_alone_does_not_wait(given):
    me = await given.an_account()

    response = await asyncio.wait_for(me.http.head("/api/v1/changes/stream", params={"keys": record_key(me)}), 20)

    assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")


async def test_a_stream_in_http_1_0_has_no_chunks(given, service):
    """As proxies ask that speak nothing newer: chunks are of HTTP/1.1."""
    me = await given.an_account()
    path = f"/api/v1/changes/stream?keys={record_key(me)}"
    sent = request("GET", path, [("Authorization", me.http.headers["authorization"])])

    async with connected(service.url) as connection:
        await connection.send(sent.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        response = await connection.response()
        assert await connection.has(b"event: subscribed\n")
        await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

        assert (response.status, response.headers["connection"]) == (200, "close")
        assert "transfer-encoding" not in response.headers
        assert await connection.has(b"event: change\n")
