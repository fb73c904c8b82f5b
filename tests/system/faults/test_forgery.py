"""Whoever can publish on NATS is not a gateway: what he makes up, changes or repeats is refused."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import nats
import orjson
import pytest
from given import Account
from nats.aio.client import Client
from system.faults.deployment import TIMEOUT, TRANSPORT, Deployment

from accord.clock import uptime
from accord.messaging.lease import HEARTBEATS
from accord.messaging.signing import MessageSigner

pytestmark = pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
SUBJECT = "api.v1.accounts.updateMe"


@pytest.fixture
async def stranger(deployment: Deployment) -> AsyncIterator[Client]:
    """Somebody with access to NATS."""
    client = await nats.connect(deployment.nats_url, connect_timeout=TIMEOUT)
    yield client
    await client.close()


def message(victim: Account) -> dict[str, object]:
    """What a gateway would send to have the victim's name changed."""
    return {
        "caller": {"id": victim.id, "role": "root", "session_id": None, "permissions": ["admin:all"]},
        "request": {"id": "forged", "address": "", "user_agent": "", "traceparent": None},
        "inputs": {"body": {"expectedVersion": 1, "firstName": "Mallory"}},
    }


async def asked(stranger: Client, payload: bytes) -> dict[str, object]:
    return orjson.loads((await stranger.request(SUBJECT, payload, timeout=TIMEOUT)).data)


async def is_untouched(victim: Account) -> bool:
    return (await victim.get("/api/v1/me")).json()["version"] == 1 and await victim.journal() == []


async def test_an_unsigned_caller_is_refused(given, stranger):
    victim = await given.an_account()

    response = await asked(stranger, orjson.dumps(message(victim)))

    assert (response["success"], response["status"], response["error_code"]) == (False, 401, "UNAUTHORIZED")
    assert await is_untouched(victim)


async def test_a_caller_signed_with_another_key_is_refused(given, stranger):
    victim = await given.an_account()
    inbox = stranger.new_inbox()
    responses = await stranger.subscribe(inbox)

    payload = MessageSigner(b"x" * 64).sign_request(SUBJECT, inbox, message(victim), uptime() + 10, uptime() + 10)
    await stranger.publish(SUBJECT, payload, reply=inbox)

    assert orjson.loads((await responses.next_msg(TIMEOUT)).data)["status"] == 401
    assert await is_untouched(victim)


async def test_a_message_of_a_gateway_cannot_be_changed_or_replayed(given, stranger):
    me = await given.an_account()
    overheard = await stranger.subscribe(f"{SUBJECT}.*")
    await stranger.flush()
    assert (await me.patch("/api/v1/me", expectedVersion=1, firstName="Said")).status_code == 200
    said = await overheard.next_msg(TIMEOUT)
    workers = {(await overhear_heartbeat(stranger))["worker"] for _ in range(12)}
    assert len(workers) == 2

    inbox = stranger.new_inbox()
    responses = await stranger.subscribe(inbox)
    also = await stranger.subscribe(said.reply)
    # To the worker that opened it, to the other one, and to whoever hears it; as it was said, and changed.
    for subject in (*(f"{SUBJECT}.{worker}" for worker in workers), SUBJECT):
        for forged in (said.data, said.data.replace(b'"expectedVersion":1', b'"expectedVersion":2')):
            for reply, heard in ((said.reply, also), (inbox, responses)):
                await stranger.publish(subject, forged, reply=reply)
                assert orjson.loads((await heard.next_msg(TIMEOUT)).data)["status"] == 401

    assert (await me.get("/api/v1/me")).json()["version"] == 2


async def test_a_stranger_on_nats_cannot_have_a_right_password_refused(given, deployment, stranger):
    """Somebody who hears each question at once, and has a worker refuse something else into its inbox."""
    me, nonsense = await given.an_account(), b'{"token": "bad"}'

    async def meddle(msg) -> None:
        if msg.data == nonsense:
            return
        for subject in ("api.v1.auth.validate", msg.subject, SUBJECT):
            await stranger.publish(subject, nonsense, reply=msg.reply)
        await stranger.publish(msg.reply, headers={"Status": "503"})

    await stranger.subscribe("api.v1.auth.login.*", cb=meddle)
    await stranger.flush()

    responses = [await me.post("/api/v1/auth/login", email=me.email, password=given.password) for _ in range(3)]

    assert [response.status_code for response in responses] == [200] * 3
    metrics = (await asyncio.to_thread(httpx.get, f"{deployment.url}/metrics", timeout=TIMEOUT)).text
    assert re.search(r'^accord_messages_refused_total\{kind="response"\} [1-9]', metrics, re.MULTILINE)


async def overhear_heartbeat(stranger: Client) -> dict[str, object]:
    heartbeats = await stranger.subscribe(HEARTBEATS)
    heartbeat = orjson.loads((await heartbeats.next_msg(TIMEOUT)).data)
    await heartbeats.unsubscribe()
    return heartbeat
