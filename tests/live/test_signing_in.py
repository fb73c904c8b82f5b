"""Who is on a socket, and for how long (L-1, L-4, L-6)."""

import asyncio
import time
from datetime import datetime

import jwt
import pytest
from live_client import LiveSocket, open_socket, record_key

from accord.security.tokens import AccessTokens
from accord.settings import Settings


@pytest.fixture(scope="module")
async def silent(service):
    """A socket that nobody signs in on, while the other tests run."""
    opened = time.monotonic()
    async with open_socket(service.url) as socket:
        closed = asyncio.create_task(when_closed(socket))
        yield socket, opened, closed
        closed.cancel()
        await asyncio.wait([closed])


async def when_closed(socket: LiveSocket) -> float:
    await socket.connection.wait_closed()
    return time.monotonic()


async def test_the_server_speaks_first(live, silent):
    socket: LiveSocket = await live()

    [welcome] = socket.frames
    assert welcome["heartbeatSeconds"] == 25
    assert welcome["connectionId"] != silent[0].frames[0]["connectionId"]


async def test_signing_in_returns_the_account_and_its_expiry(given, live):
    me = await given.an_account()
    socket = await live()

    signed_in = await socket.authenticate(me.tokens["accessToken"])

    assert signed_in["userId"] == me.id
    expires_at = datetime.fromisoformat(signed_in["expiresAt"]).timestamp()
    assert expires_at == jwt.decode(me.tokens["accessToken"], options={"verify_signature": False})["exp"]
    assert 840 < expires_at - time.time() <= 900


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "accord_ticket_nonsense", "x" * 4096])
async def test_a_bad_token_is_refused_and_the_socket_stays(live, token):
    socket = await live()

    await socket.send("authenticate", token=token)

    assert (await socket.expect("error"))["code"] == "UNAUTHORIZED"
    await socket.ping()


async def test_subscribing_before_signing_in_is_refused(given, live):
    me = await given.an_account()
    socket = await live()

    await socket.send("subscribe", key=record_key(me))

    assert (await socket.expect("error"))["code"] == "UNAUTHORIZED"


async def test_a_new_token_keeps_every_subscription(given, live):
    me = await given.an_account()
    socket = await live(me)
    await socket.subscribe(record_key(me))
    renewed = await me.post("/api/v1/auth/refresh", refreshToken=me.tokens["refreshToken"])

    await socket.authenticate(renewed.json()["accessToken"])
    await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    assert (await socket.expect("change"))["version"] == 2


async def test_a_socket_belongs_to_one_account(given, live):
    me, other = await given.an_account(), await given.an_account()
    socket = await live(me)

    await socket.send("authenticate", token=other.tokens["accessToken"])

    assert (await socket.expect("error"))["code"] == "FORBIDDEN"
    await socket.subscribe(record_key(me))


async def test_when_the_token_expires_the_socket_is_closed(given, live, service):
    me = await given.an_account()
    [(session_id,)] = await given.sql("SELECT id FROM accord.sessions WHERE user_id = %s", me.id)
    tokens = AccessTokens(Settings(env="test", data_dir=service.folder / "data", access_token_ttl=60))
    socket = await live()

    await socket.authenticate(tokens.issue(me.id, str(session_id), time.time() - 54))

    assert await socket.closed() == 4401


async def ends_by_logout(me, _) -> None:
    assert (await me.post("/api/v1/auth/logout")).status_code == 204


async def ends_by_disabling(me, root) -> None:
    assert (await root.patch(f"/api/v1/users/{me.id}", expectedVersion=1, disabled=True)).status_code == 200


async def ends_by_a_new_role(me, root) -> None:
    assert (await root.patch(f"/api/v1/users/{me.id}", expectedVersion=1, role="admin")).status_code == 200


async def ends_by_deletion(me, root) -> None:
    assert (await root.delete(f"/api/v1/users/{me.id}", expectedVersion=1)).status_code == 204


@pytest.mark.parametrize("end", [ends_by_logout, ends_by_disabling, ends_by_a_new_role, ends_by_deletion])
async def test_when_the_session_ends_its_sockets_are_closed_in_every_process(given, live, other_url, end):
    me, root = await given.an_account(), await given.root()
    here, elsewhere = await live(me), await live(me, other_url)

    await end(me, root)
    ended = time.monotonic()

    assert [await here.closed(), await elsewhere.closed()] == [4401, 4401]
    # A process looks several times a second; a machine that is busy may add to that.
    assert time.monotonic() - ended < 10


async def test_another_session_of_the_account_goes_on(given, live):
    me = await given.an_account()
    ended, mine = await live(me), await live(await given.signed_in(me.email))
    await mine.subscribe(record_key(me))

    await me.post("/api/v1/auth/logout")

    assert await ended.closed() == 4401
    await mine.ping()


async def test_a_socket_without_sign_in_is_closed_after_ten_seconds(silent):
    socket, opened, closed = silent

    assert await socket.closed() == 4401
    assert 9.9 < await closed - opened < 25
