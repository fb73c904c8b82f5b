"""What signs a socket in, where it may not be, and what ends with it (S-3, L-1, L-6)."""

import asyncio
import time
from urllib.parse import urlsplit

import pytest
from checked_client import new_address
from live_client import LiveSocket, open_socket, record_key
from stillness import stillness
from websockets.asyncio.client import connect


async def refreshed(me, token: str) -> tuple[int, str]:
    response = await me.http.post("/api/v1/auth/refresh", json={"refreshToken": token})
    return response.status_code, response.json().get("refreshToken", "")


async def test_a_refresh_token_that_is_used_again_closes_the_sockets_of_its_session(given, live, other_url):
    me = await given.an_account()
    elsewhere = await live(await given.signed_in(me.email))
    sockets = [await live(me), await live(me, other_url)]
    stolen = me.tokens["refreshToken"]
    _, second = await refreshed(me, stolen)
    await refreshed(me, second)

    async with stillness() as machine:
        status, _ = await refreshed(me, stolen)
        ended = time.monotonic()

        assert status == 401
        assert [await socket.closed() for socket in sockets] == [4401, 4401]
        assert time.monotonic() - ended < 1 + machine.seconds
    await elsewhere.ping()


@pytest.mark.parametrize("name", ["token", "access_token", "ticket", "authorization"])
async def test_a_token_in_the_url_does_not_sign_in(given, service, name):
    me = await given.an_account()
    url = f"ws://{urlsplit(service.url).netloc}/api/v1/ws?{name}={me.tokens['accessToken']}"

    async with connect(url, additional_headers={"X-Forwarded-For": new_address()}) as connection:
        socket = LiveSocket(connection)
        await socket.expect("welcome")
        await socket.send("subscribe", key=record_key(me))

        assert (await socket.expect("error"))["code"] == "UNAUTHORIZED"


@pytest.mark.faults
async def test_the_server_pings_every_25_seconds(given, service):
    me, pings = await given.an_account(), asyncio.Queue()
    async with open_socket(service.url) as socket:
        await socket.authenticate(me.tokens["accessToken"])
        opened, received = time.monotonic(), socket.connection.protocol.recv_frame

        def noted(frame) -> None:
            if frame.opcode.name == "PING":
                pings.put_nowait(time.monotonic() - opened)
            received(frame)

        socket.connection.protocol.recv_frame = noted

        assert 20 < await asyncio.wait_for(pings.get(), 30) < 27
