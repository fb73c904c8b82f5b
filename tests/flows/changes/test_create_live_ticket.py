import asyncio
import time
from datetime import datetime

from live_client import open_socket, record_key


async def a_ticket(me) -> str:
    response = await me.post("/api/v1/live/tickets")
    assert response.status_code == 201, response.text
    assert response.headers["cache-control"] == "no-store"
    return response.json()["ticket"]


async def test_signs_a_socket_in_as_its_account(given, service):
    me = await given.an_account()

    async with open_socket(service.url) as socket:
        signed_in = await socket.authenticate(await a_ticket(me))
        begun = await socket.subscribe(record_key(me))

    assert signed_in["userId"] == me.id
    assert begun["version"] == 1


async def test_is_good_for_30_seconds(given):
    me, asked = await given.an_account(), time.time()

    response = await me.post("/api/v1/live/tickets")

    assert 29 < datetime.fromisoformat(response.json()["expiresAt"]).timestamp() - asked < 32


async def test_two_sockets_presenting_a_ticket_at_once_have_one_winner(given, service):
    me = await given.an_account()
    ticket = await a_ticket(me)

    async with open_socket(service.url) as first, open_socket(service.url) as second:
        for socket in (first, second):
            await socket.send("authenticate", token=ticket)
        frames = await asyncio.gather(first.next(), second.next())

    assert sorted(frame["type"] for frame in frames) == ["authenticated", "error"]


async def test_does_not_work_when_its_time_is_over(given, service):
    me = await given.an_account()
    ticket = await a_ticket(me)
    await given.sql("UPDATE accord.live_tickets SET expires_at = now() - interval '1 second'")

    async with open_socket(service.url) as socket:
        await socket.send("authenticate", token=ticket)
        refused = await socket.expect("error")

    assert refused["code"] == "UNAUTHORIZED"


async def test_does_not_work_when_the_session_has_ended(given, service):
    me = await given.an_account()
    ticket = await a_ticket(me)
    await me.post("/api/v1/auth/logout")

    async with open_socket(service.url) as socket:
        await socket.send("authenticate", token=ticket)
        refused = await socket.expect("error")

    assert refused["code"] == "UNAUTHORIZED"


async def test_is_no_access_token_and_an_access_token_no_ticket(given):
    me = await given.an_account()
    ticket = await a_ticket(me)

    response = await me.get("/api/v1/me", {"authorization": f"Bearer {ticket}"})

    assert response.status_code == 401


async def test_only_its_hash_is_stored(given):
    me = await given.an_account()
    ticket = await a_ticket(me)

    rows = await given.sql("SELECT ticket_hash FROM accord.live_tickets")

    assert all(ticket.encode() not in row[0] for row in rows)
