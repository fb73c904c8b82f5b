"""E-5: a request that takes too long is cancelled, in the database too, and answered with 504."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import psycopg
import pytest
from raw_http import connected, request

POOL_SIZE = 10
BLOCKED = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND wait_event_type = 'Lock' AND query ~ 'users'"


@asynccontextmanager
async def locked(service, user_id: str):
    """Hold the row of an account, as a long transaction of somebody else would."""
    async with await psycopg.AsyncConnection.connect(service.database_url) as connection:
        await connection.execute("SELECT 1 FROM accord.users WHERE id = %s FOR UPDATE", (user_id,))
        yield
        await connection.rollback()


async def blocked(given) -> list:
    return await given.sql(BLOCKED)


@pytest.fixture
async def me(given, impatient):
    """An account, and its client of the server that waits for a second."""
    account = await given.an_account()
    async with httpx.AsyncClient(base_url=impatient.url, headers=dict(account.http.headers), timeout=30) as http:
        account.hurried = http
        yield account


async def test_the_statement_and_the_flow_are_cancelled(given, service, me, impatient, until):
    change = {"expectedVersion": 1, "firstName": "Never"}
    log = service.folder / "data" / "postgres" / "log"
    known, was_blocked = len(log.read_bytes()), False

    async with locked(service, me.id):
        # Of a request that had used up its time before it got to the lock, there is no statement to cancel.
        while not was_blocked:
            asked = asyncio.create_task(me.hurried.patch("/api/v1/me", json=change))
            while not asked.done():
                was_blocked = was_blocked or bool(await blocked(given))
                await asyncio.sleep(0.02)
            response = await asked
            await until(lambda: blocked(given), lambda found: not found)

    assert (response.status_code, response.json()["code"]) == (504, "TIMEOUT")
    assert "firstName" not in response.text
    # It has 30 seconds by default.
    assert impatient.timeout <= response.elapsed.total_seconds() < 20
    # The server's own limit for statements, some seconds later, is for when cancelling fails.
    assert b"due to statement timeout" not in log.read_bytes()[known:]
    now = (await me.get("/api/v1/me")).json()
    assert (now["version"], now["firstName"]) == (1, "Ada")
    assert await me.journal() == []


async def test_cancelled_requests_give_their_connections_back(given, service, me, until):
    change = {"expectedVersion": 1, "firstName": "Never"}

    async with locked(service, me.id):
        responses = await asyncio.gather(*(me.hurried.patch("/api/v1/me", json=change) for _ in range(2 * POOL_SIZE)))
        await until(lambda: blocked(given), lambda found: not found)

    assert {response.status_code for response in responses} <= {503, 504}

    async def look() -> set[int]:
        return {a.status_code for a in await asyncio.gather(*(me.hurried.get("/api/v1/me") for _ in range(POOL_SIZE)))}

    # Any one may be late; what was lost would be missing for ever.
    await until(look, lambda statuses: statuses == {200})


async def test_a_body_that_comes_too_slowly_is_given_up(impatient):
    head = [("Content-Type", "application/json"), ("Content-Length", "17")]

    async with connected(impatient.url) as connection:
        await connection.send(request("POST", "/api/v1/meta/echo", head, b'{"message"'))

        response = await connection.response()

    assert (response.status, response.code) == (504, "TIMEOUT")


async def test_a_client_that_leaves_within_its_body_is_logged_and_harms_no_other(service, somebody):
    head = [("Content-Type", "application/json"), ("Content-Length", "17"), ("X-Request-Id", "left-early")]

    async with connected(service.url) as connection:
        await connection.send(request("POST", "/api/v1/meta/echo", head, b'{"message"'))

    async with asyncio.timeout(30):
        while not any('"left-early"' in line and '"status":499' in line for line in service.logs.splitlines()):
            await asyncio.sleep(0.02)
    assert (await somebody.get("/api/v1/meta/version")).status_code == 200
