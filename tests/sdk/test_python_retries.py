import asyncio
import itertools
import json
import socket
from contextlib import suppress

import httpx
import pytest
from accord_client import (
    AccountLocked,
    AsyncAccord,
    ConnectionFailed,
    IdempotencyKeyReused,
    RateLimited,
    ServiceUnavailable,
    errors,
    retries,
)
from accord_client.models import CreateConversation, Login, UpdateMe

from .cache_model import Loop


async def test_a_create_whose_response_was_cut_is_sent_again_and_made_once(person, proxy):
    ada = await person()
    accord = await ada.client(proxy.url)
    proxy.cut_response_of("POST /api/v1/conversations")

    made = await accord.create_conversation(CreateConversation(title="Once"))

    conversations = [each async for each in accord.iterate(accord.list_conversations)]
    assert [each.id for each in conversations] == [made.id]
    assert proxy.count("POST /api/v1/conversations") == 2


async def test_a_create_that_is_cut_while_it_runs_waits_for_the_first(person, proxy):
    ada = await person()
    accord = await ada.client(proxy.url)
    for _ in range(3):
        proxy.cut_response_of("POST /api/v1/conversations")

    await accord.create_conversation(CreateConversation(title="Once"))

    assert len([each async for each in accord.iterate(accord.list_conversations)]) == 1
    assert proxy.count("POST /api/v1/conversations") == 4


async def test_a_change_whose_response_was_cut_is_not_sent_again(person, proxy):
    ada = await person()
    accord = await ada.client(proxy.url)
    proxy.cut_response_of("PATCH /api/v1/me")

    with pytest.raises(ConnectionFailed):
        await accord.update_me(UpdateMe(expected_version=1, first_name="Grace"))

    assert proxy.count("PATCH /api/v1/me") == 1
    assert (await accord.get_me()).first_name == "Grace"


async def test_a_read_whose_response_was_cut_is_sent_again(person, proxy):
    ada = await person()
    accord = await ada.client(proxy.url)
    proxy.cut_response_of("GET /api/v1/me")

    assert str((await accord.get_me()).id) == ada.id
    assert proxy.count("GET /api/v1/me") == 2


async def test_without_retries_each_call_is_sent_once(person, proxy):
    ada = await person()
    accord = await ada.client(proxy.url, retries=0)
    proxy.cut_response_of("GET /api/v1/me")

    with pytest.raises(ConnectionFailed):
        await accord.get_me()

    assert proxy.count("GET /api/v1/me") == 1


async def test_a_service_that_comes_back_in_time_is_waited_for_even_by_a_change(person, proxy):
    ada = await person()
    accord = await ada.client(proxy.url)
    await proxy.stop()

    change = asyncio.create_task(accord.update_me(UpdateMe(expected_version=1, first_name="Grace")))
    await asyncio.sleep(3)
    await proxy.start()

    assert (await change).version == 2


async def test_a_service_that_stays_away_is_told(person, proxy):
    ada = await person()
    accord = await ada.client(proxy.url, retries=0)
    await proxy.stop()

    with pytest.raises(ConnectionFailed) as failed:
        await accord.get_me()

    assert (failed.value.status, failed.value.request_id) == (0, "")


@pytest.mark.parametrize("is_change", [False, True])
def test_a_service_that_stays_away_is_tried_for_ten_seconds(is_change):
    loop, tried = Loop(), []

    async def away(_request):
        tried.append(loop.time())
        raise httpx.ConnectError("refused")

    async def call():
        async with AsyncAccord("http://accord", transport=httpx.MockTransport(away)) as accord:
            await (patch if is_change else get)(accord)

    calling = loop.create_task(call())
    loop.wait(60)
    loop.close()

    assert isinstance(calling.exception(), ConnectionFailed)

    assert retries.UNSENT_FOR == 10
    assert retries.UNSENT_FOR <= tried[-1] < retries.UNSENT_FOR + retries.UNSENT_PAUSE
    assert all(before < retries.UNSENT_FOR for before in tried[:-1])


class Scripted(httpx.AsyncBaseTransport):
    """A service that first gives the responses it is told to, and then normal ones."""

    def __init__(self, *responses) -> None:
        self.responses = list(responses)
        self.requests = []

    async def handle_async_request(self, request):
        self.requests.append(request)
        if not self.responses:
            return httpx.Response(200, json=USER)
        status, code, headers = self.responses.pop(0)
        return httpx.Response(status, json=problem(status, code), headers=headers)


USER = {
    "id": "01980d5e-7b1c-7c3a-9f2e-3b5a6c7d8e9f",
    "email": "ada@example.com",
    "firstName": "Ada",
    "lastName": "Lovelace",
    "role": "customer",
    "emailVerifiedAt": None,
    "disabledAt": None,
    "createdBy": None,
    "createdAt": "2026-01-31T09:30:00.000000Z",
    "updatedAt": "2026-01-31T09:30:00.000000Z",
    "version": 1,
    "items": [],
    "position": 0,
    "cursor": "0.00000000",
}


def problem(status, code):
    return {
        "type": f"/problems/{code}",
        "title": code,
        "status": status,
        "detail": "Read the docs.",
        "instance": "/",
        "code": code,
        "requestId": "r",
    }


def get(accord):
    return accord.get_me()


def patch(accord):
    return accord.update_me(UpdateMe(expected_version=1, first_name="Grace"))


@pytest.mark.parametrize(
    ("call", "status", "code", "sent"),
    [
        (get, 429, "RATE_LIMIT_EXCEEDED", 2),
        (patch, 429, "RATE_LIMIT_EXCEEDED", 2),
        (get, 503, "SERVICE_UNAVAILABLE", 2),
        (get, 504, "TIMEOUT", 2),
        (patch, 503, "SERVICE_UNAVAILABLE", 1),
        (patch, 504, "TIMEOUT", 1),
        (get, 500, "INTERNAL_ERROR", 1),
        (patch, 409, "VERSION_CONFLICT", 1),
    ],
)
async def test_only_safe_calls_are_sent_again(call, status, code, sent):
    service = Scripted((status, code, {"Retry-After": "0"}))
    async with AsyncAccord("http://accord", transport=service) as accord:
        with suppress(errors.AccordError):
            await call(accord)

    assert len(service.requests) == sent


async def test_every_try_has_the_same_key_and_every_call_another():
    service = Scripted((503, "SERVICE_UNAVAILABLE", {}), (409, "IDEMPOTENCY_IN_PROGRESS", {}))
    async with AsyncAccord("http://accord", transport=service) as accord:
        for _ in range(2):
            with pytest.raises(errors.AccordError):
                await accord.create_conversation(CreateConversation(title="Once"))

    keys = [request.headers["idempotency-key"] for request in service.requests]
    assert [len(list(same)) for _, same in itertools.groupby(keys)] == [3, 1]


async def test_retry_after_is_waited_for_up_to_a_limit():
    service = Scripted((429, "RATE_LIMIT_EXCEEDED", {"Retry-After": "1"}))
    async with AsyncAccord("http://accord", transport=service) as accord:
        begin = asyncio.get_running_loop().time()
        await accord.get_me()
        assert asyncio.get_running_loop().time() - begin >= 1

        service.responses = [(429, "RATE_LIMIT_EXCEEDED", {"Retry-After": "600"})]
        with pytest.raises(RateLimited):
            await accord.get_me()


async def test_a_locked_account_is_told_at_once():
    service = Scripted((429, "ACCOUNT_LOCKED", {"Retry-After": "1"}))
    async with AsyncAccord("http://accord", transport=service) as accord:
        with pytest.raises(AccountLocked):
            await accord.login(Login(email="ada@example.com", password="x"))

    assert len(service.requests) == 1


async def test_retries_end():
    service = Scripted(*[(503, "SERVICE_UNAVAILABLE", {})] * 10)
    async with AsyncAccord("http://accord", transport=service, retries=2) as accord:
        with pytest.raises(ServiceUnavailable):
            await accord.get_me()

    assert len(service.requests) == 3


@pytest.mark.parametrize(
    ("status", "error"), [(502, errors.UnexpectedResponse), (404, errors.UnexpectedResponse), (503, ServiceUnavailable)]
)
@pytest.mark.parametrize("text", ["<html>nginx</html>", '{"code": "NOT_FOUND", "message": "no route"}'])
async def test_a_response_of_a_proxy_is_an_error_of_its_status(status, error, text):
    async def response(_request):
        return httpx.Response(status, text=text)

    async with AsyncAccord("http://accord", transport=httpx.MockTransport(response), retries=0) as accord:
        with pytest.raises(errors.AccordError) as raised:
            await accord.get_me()

    assert (raised.value.status, raised.value.code) == (status, "UNEXPECTED_RESPONSE")
    assert isinstance(raised.value, error)


@pytest.mark.parametrize("body", ["<html>Log in to the hotel</html>", "[]", "{}", "null"])
async def test_a_success_that_is_none_of_the_service_is_an_error(body):
    async def response(_request):
        return httpx.Response(200, text=body)

    async with AsyncAccord("http://accord", transport=httpx.MockTransport(response)) as accord:
        with pytest.raises(errors.AccordError, match="UNEXPECTED_RESPONSE"):
            await accord.get_me()


async def test_a_code_that_is_not_known_falls_back_on_its_status():
    service = Scripted((403, "SEATS_EXHAUSTED", {}), (418, "TEAPOT", {}))
    async with AsyncAccord("http://accord", transport=service) as accord:
        with pytest.raises(errors.Forbidden, match="SEATS_EXHAUSTED"):
            await accord.get_me()
        with pytest.raises(errors.AccordError, match="TEAPOT"):
            await accord.get_me()


async def test_calls_can_be_cancelled():
    async def never(_request):
        await asyncio.sleep(60)

    async with AsyncAccord("http://accord", transport=httpx.MockTransport(never)) as accord:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await accord.get_me()


async def test_a_try_that_takes_too_long_fails():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with AsyncAccord(f"http://127.0.0.1:{port}", timeout=0.1, retries=1) as accord:
            with pytest.raises(ConnectionFailed):
                await accord.get_me()


async def test_a_key_that_is_given_is_used(person):
    ada = await person()
    accord = await ada.client()

    first = await accord.create_conversation(CreateConversation(title="Once"), idempotency_key="mine")
    again = await accord.create_conversation(CreateConversation(title="Once"), idempotency_key="mine")

    assert first == again
    with pytest.raises(IdempotencyKeyReused):
        await accord.create_conversation(CreateConversation(title="Other"), idempotency_key="mine")


async def test_an_error_says_all_it_knows(person):
    ada = await person()
    accord = await ada.client()

    with pytest.raises(errors.ValidationFailed) as raised:
        await accord.update_me(UpdateMe(expected_version=1, first_name=""))

    error = raised.value
    assert (error.code, error.status) == ("VALIDATION_ERROR", 400)
    assert {wrong.field for wrong in error.errors} == {"firstName"}
    assert f"firstName {error.errors[0].message}" in str(error)
    assert error.request_id in str(error)
    assert error.detail in str(error)
    assert json.dumps(error.problem.to_dict())
