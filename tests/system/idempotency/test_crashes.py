"""A process that is killed leaves the thing and its response, or neither."""

import asyncio
import signal
from contextlib import contextmanager
from uuid import uuid4

import httpx
import orjson
import psycopg


@contextmanager
def another_process(service):
    """A process of the shared service that runs flows itself and may be killed."""
    program = service.run_beside(f"victim-{uuid4().hex[:8]}", "serve", "--port", "0", FLOW_TRANSPORT="local")
    try:
        yield program, program.wait_for(r"listens on (\S+)")
    finally:
        program.stop(signal.SIGKILL)


async def send_and_never_read(url: str, me, key: str, body: dict) -> asyncio.StreamWriter:
    target = httpx.URL(url)
    _, writer = await asyncio.open_connection(target.host, target.port)
    content = orjson.dumps(body)
    head = (
        f"POST /api/v1/conversations HTTP/1.1\r\nHost: {target.host}\r\nIdempotency-Key: {key}\r\n"
        f"Authorization: Bearer {me.tokens['accessToken']}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    writer.write(head.encode() + content)
    await writer.drain()
    return writer


async def test_a_retry_after_a_kill_behind_the_commit_replays_the_response(given, service, until):
    me, key, body = await given.an_account(), str(uuid4()), {"title": "Plans"}

    async def committed():
        return await given.sql("SELECT 1 FROM accord.idempotency_keys WHERE caller = %s", me.id)

    with another_process(service) as (program, url):
        writer = await send_and_never_read(url, me, key, body)
        await until(committed, bool)
        program.stop(signal.SIGKILL)
        writer.close()
    response = await me.post("/api/v1/conversations", {"Idempotency-Key": key}, **body)

    assert response.status_code == 201
    assert (await me.get("/api/v1/conversations")).json()["items"] == [response.json()]
    assert await given.entries(response) == []


async def test_killed_before_the_commit_it_did_nothing_and_the_key_is_free(given, service):
    me, key, body = await given.an_account(), str(uuid4()), {"title": "Plans"}

    with another_process(service) as (program, url):
        async with await psycopg.AsyncConnection.connect(service.database_url) as holder:
            await holder.execute("LOCK TABLE accord.conversation_members IN EXCLUSIVE MODE")
            writer = await send_and_never_read(url, me, key, body)
            await given.lock_waiters(1)
            meanwhile = await me.post("/api/v1/conversations", {"Idempotency-Key": key}, **body)
            program.stop(signal.SIGKILL)
            writer.close()
    responses = [await me.post("/api/v1/conversations", {"Idempotency-Key": key}, **body)]
    while responses[-1].status_code == 409:
        # Slowly, as so many requests in a minute are not one too many.
        await asyncio.sleep(0.2)
        responses.append(await me.post("/api/v1/conversations", {"Idempotency-Key": key}, **body))

    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert int(meanwhile.headers["retry-after"]) == meanwhile.json()["retryAfter"] >= 1
    assert responses[-1].status_code == 201
    assert (await me.get("/api/v1/conversations")).json()["items"] == [responses[-1].json()]
