"""S-14: another service on NATS asks who a token speaks for, with nothing but a plain client."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import nats
import orjson
import pytest
from nats.aio.client import Client

from accord.security.permissions import permissions_of

SUBJECT = "api.v1.auth.validate"


@pytest.fixture
async def another_service(service) -> AsyncIterator[Client]:
    client = await nats.connect(service.nats_url, connect_timeout=30)
    yield client
    await client.close()


async def ask(client: Client, payload: bytes) -> dict[str, Any]:
    return orjson.loads((await client.request(SUBJECT, payload, timeout=30)).data)


async def test_a_good_token_names_its_caller(given, another_service):
    admin = await given.an_admin()

    response = await ask(another_service, orjson.dumps({"token": admin.tokens["accessToken"]}))

    caller = response["data"]["caller"]
    assert (response["success"], response["status"]) == (True, 200)
    assert (caller["id"], caller["role"]) == (admin.id, "admin")
    assert caller["permissions"] == sorted(permissions_of("admin"))
    assert caller["sessionId"] == (await admin.get("/api/v1/auth/session")).json()["session"]["id"]


@pytest.mark.parametrize(
    "payload", [b"", b"nonsense", b"[]", b"{}", b'{"token": 1}', b'{"token": "a.b.c"}', b"\xff" * 100]
)
async def test_any_other_payload_is_anonymous(another_service, payload):
    response = await ask(another_service, payload)

    assert (response["success"], response["status"], response["data"]) == (False, 401, None)


async def test_a_refresh_token_is_no_access_token(given, another_service):
    me = await given.an_account()

    response = await ask(another_service, orjson.dumps({"token": me.tokens["refreshToken"]}))

    assert response["error_code"] == "UNAUTHORIZED"


async def test_after_signing_out_the_token_is_anonymous_within_a_second(given, another_service):
    me = await given.an_account()
    payload = orjson.dumps({"token": me.tokens["accessToken"]})
    assert (await ask(another_service, payload))["success"]

    await me.post("/api/v1/auth/logout")

    ended, refusals = time.monotonic(), 0
    # Any worker may answer, so several refusals in a row are asked for.
    while refusals < 5:
        asked = time.monotonic()
        if (await ask(another_service, payload))["success"]:
            # However long a response takes: what is asked after a second must be refused.
            assert asked - ended < 1
            refusals = 0
        else:
            refusals += 1
        await asyncio.sleep(0.02)
