"""What one client may take (L-6)."""

from contextlib import ExitStack

import httpx
import pytest
from checked_client import new_address
from live_client import open_socket, record_key
from websockets.exceptions import InvalidStatus

from accord.database.database import Database
from accord.edge.pipeline.limits import MAX_OPEN, Limits
from accord.live.subscriber import MAX_BYTES, MAX_FRAMES, Subscriber
from accord.problems import RateLimitExceeded
from accord.settings import Rate, Settings


async def test_ten_new_connections_a_minute_from_one_address(service):
    address = {"X-Forwarded-For": new_address()}
    for _ in range(10):
        async with open_socket(service.url, **address):
            pass

    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(service.url, **address):
            pass

    response = refused.value.response
    assert response.status_code == 429
    assert 0 < int(response.headers["retry-after"]) <= 60
    assert response.headers["content-type"] == "application/problem+json"


async def test_ten_new_connections_a_minute_for_one_account(given, live):
    me = await given.an_account()
    for _ in range(10):
        await live(me)

    one_more = await live()
    await one_more.send("authenticate", token=me.tokens["accessToken"])

    assert await one_more.closed() == 4429


async def test_streams_count_as_sockets_do(given, live):
    me = await given.an_account()
    for _ in range(5):
        await live(me)

    statuses = [await status_of_stream(me, new_address()) for _ in range(6)]

    assert statuses == [200] * 5 + [429]


async def test_ten_new_streams_a_minute_from_one_address(given):
    address, people = new_address(), [await given.an_account() for _ in range(2)]

    statuses = [await status_of_stream(people[n % 2], address) for n in range(11)]

    assert statuses == [200] * 10 + [429]


async def status_of_stream(account, address):
    """Open a stream from an address, and leave it."""
    headers = {"Authorization": account.http.headers["authorization"], "X-Forwarded-For": address}
    asked = {"url": "/api/v1/changes/stream", "params": {"keys": record_key(account)}}
    http = httpx.AsyncClient(base_url=account.given.service.url, headers=headers, timeout=30)
    async with http, http.stream("GET", **asked) as response:
        return response.status_code


def test_an_account_has_a_hundred_live_connections_at_once():
    limits = Limits(Settings(rate_limit_live=Rate(1_000_000, 60)), Database("postgresql://nowhere", 1))
    with ExitStack() as stack:
        for _ in range(MAX_OPEN):
            limits.check_connection_of("one")
            stack.enter_context(limits.opened("one"))
        with pytest.raises(RateLimitExceeded):
            limits.check_connection_of("one")
        limits.check_connection_of("other")

    limits.check_connection_of("one")


@pytest.mark.parametrize("token", ["nonsense", "accord_ticket_nonsense"])
async def test_tokens_that_are_nobodys_count_against_the_address(service, given, token):
    address = new_address()
    async with open_socket(service.url, **{"X-Forwarded-For": address}) as socket:
        for _ in range(100):
            await socket.send("authenticate", token=token)
            assert (await socket.expect("error"))["code"] == "UNAUTHORIZED"
        await socket.send("authenticate", token=token)
        assert await socket.closed() == 4429

    http = await given.somebody(**{"x-forwarded-for": address})
    assert (await http.get("/api/v1/meta/version")).status_code == 429


async def test_staying_signed_in_is_no_new_connection(given, live):
    me = await given.an_account()
    socket = await live(me)

    for _ in range(15):
        await socket.authenticate(me.tokens["accessToken"])


@pytest.mark.parametrize(
    ("origin", "status"), [("https://elsewhere.example", 403), ("null", 403), ("http://localhost.evil.example", 403)]
)
async def test_a_page_of_an_unknown_origin_is_refused(service, origin, status):
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(service.url, Origin=origin):
            pass

    assert refused.value.response.status_code == status


async def test_a_page_of_the_server_itself_is_let_in(service):
    async with open_socket(service.url, Origin=service.url) as socket:
        await socket.ping()


async def test_a_socket_follows_a_thousand_keys_and_not_one_more(given, live):
    root, socket = await given.root(), None
    rows = await given.sql(
        "INSERT INTO accord.users (id, email, email_key"
        ", password_hash, first_name, last_name, role, created_at, updated_at)"
        " SELECT gen_random_uuid(), address, address, '', 'A', 'B', 'customer', now(), now()"
        " FROM (SELECT n || '@crowd.example' AS address FROM generate_series(1, 1001) AS n) RETURNING id"
    )
    keys = [f"getRecord:users:{user_id}" for (user_id,) in rows]
    socket = await live(root)
    for key in keys:
        await socket.send("subscribe", key=key)

    responses = [await socket.next() for _ in keys]
    await given.sql("DELETE FROM accord.users WHERE email_key LIKE '%%@crowd.example'")

    assert {response["type"] for response in responses[:1000]} == {"subscribed"}
    assert (responses[1000]["type"], responses[1000]["code"]) == ("error", "TOO_MANY_KEYS")


async def test_a_thousand_frames_wait_and_not_one_more():
    subscriber = Subscriber()
    for _ in range(MAX_FRAMES):
        subscriber.put("x")
    assert subscriber.closing is None

    subscriber.put("x")

    assert subscriber.closing is not None
    assert subscriber.closing[0] == 4408
    assert await subscriber.take() is None


async def test_a_mebibyte_waits_and_not_one_byte_more():
    subscriber = Subscriber()
    subscriber.put("x" * MAX_BYTES)
    assert subscriber.closing is None

    subscriber.put("x")

    assert subscriber.closing is not None
