"""Whoever can publish on NATS is not a gateway: what he makes up, changes or repeats is refused."""

import time
from collections.abc import AsyncIterator

import nats
import orjson
import pytest
from faults.deployment import PATIENCE, TRANSPORT, Deployment
from given import Account
from nats.aio.client import Client

from accord.messaging.envelope import Envelopes

pytestmark = pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")
SUBJECT = "api.v1.accounts.updateMe"


@pytest.fixture
async def stranger(deployment: Deployment) -> AsyncIterator[Client]:
    """Somebody with access to NATS."""
    client = await nats.connect(deployment.nats_url, connect_timeout=PATIENCE)
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
    return orjson.loads((await stranger.request(SUBJECT, payload, timeout=PATIENCE)).data)


async def is_untouched(victim: Account) -> bool:
    return (await victim.get("/api/v1/me")).json()["version"] == 1 and await victim.journal() == []


async def test_an_unsigned_caller_is_refused(given, stranger):
    victim = await given.an_account()

    answer = await asked(stranger, orjson.dumps(message(victim)))

    assert (answer["success"], answer["status"], answer["error_code"]) == (False, 401, "UNAUTHORIZED")
    assert await is_untouched(victim)


async def test_a_caller_signed_with_another_key_is_refused(given, stranger):
    victim = await given.an_account()
    inbox = stranger.new_inbox()
    answers = await stranger.subscribe(inbox)

    payload = Envelopes(b"x" * 64).seal(SUBJECT, inbox, message(victim), time.time() + 10)
    await stranger.publish(SUBJECT, payload, reply=inbox)

    assert orjson.loads((await answers.next_msg(PATIENCE)).data)["status"] == 401
    assert await is_untouched(victim)


async def test_what_a_gateway_said_cannot_be_changed_or_said_again(given, deployment, stranger):
    me = await given.an_account()
    # A repeat is recognised by the worker that opened the message, so there is to be one.
    second = deployment.workers[1]
    assert second.stop() == 0
    overheard = await stranger.subscribe(SUBJECT)
    await stranger.flush()
    assert (await me.patch("/api/v1/me", expectedVersion=1, firstName="Said")).status_code == 200
    said = await overheard.next_msg(PATIENCE)

    answers = await stranger.subscribe(said.reply)
    for forged in (said.data, said.data.replace(b'"expectedVersion":1', b'"expectedVersion":2')):
        await stranger.publish(SUBJECT, forged, reply=said.reply)
        assert orjson.loads((await answers.next_msg(PATIENCE)).data)["status"] == 401

    own_inbox = stranger.new_inbox()
    answers = await stranger.subscribe(own_inbox)
    await stranger.publish(SUBJECT, said.data, reply=own_inbox)
    assert orjson.loads((await answers.next_msg(PATIENCE)).data)["status"] == 401
    assert (await me.get("/api/v1/me")).json()["version"] == 2
    second.log.unlink()
    second.start().wait_for("(worker is ready)")
