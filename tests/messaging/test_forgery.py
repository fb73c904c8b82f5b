"""Whoever may publish on NATS, and read all of it, has no key: nothing that he sends is run, or believed."""

import asyncio
import itertools
import json
import time

import pytest
from messaging.flows import KEY, Gateway, echo, start_worker, until

from accord.dispatch import Result
from accord.messaging import workers
from accord.messaging.lease import CALLS, HEARTBEATS
from accord.messaging.refused_messages import refused
from accord.messaging.signing import MessageSigner
from accord.messaging.worker import HEALTHCHECK, VALIDATE


async def test_an_unsigned_caller_is_refused(connect, raw, name):
    ran = []

    async def flow(caller, request, inputs) -> Result:
        ran.append(caller)
        return await echo(caller, request, inputs)

    await start_worker(await connect(), name, flow)
    root = {"caller": {"id": "root", "role": "root", "session_id": None, "permissions": ["admin:all"]}}
    message = {"request": {"id": "r"}, "inputs": {}, "delivery": {"expires": time.time() + 60}} | root

    for payload in (message, {"signature": "0" * 64} | message):
        response = await raw.request(f"api.v1.tests.{name}", json.dumps(payload).encode(), 60)
        result = json.loads(response.data)
        assert (result["success"], result["error_code"]) == (False, "UNAUTHORIZED")

    assert ran == []


async def test_a_message_signed_with_another_key_is_refused(connect, name, silence_counts):
    ran = []

    async def flow(caller, request, inputs) -> Result:
        ran.append(caller)
        return await echo(caller, request, inputs)

    await start_worker(await connect(), name, flow)
    stranger = await Gateway(await connect(), key=b"another key of 32 characters 123").start()
    silence_counts()

    result = await stranger(name)

    assert not result.success
    assert ran == []


async def test_a_copied_message_is_not_run_again(connect, gateway, raw, name):
    ran, copies = [], []

    async def flow(caller, request, inputs) -> Result:
        ran.append(inputs)
        return await echo(caller, request, inputs)

    async def copy(msg) -> None:
        copies.append(msg)

    await raw.subscribe(f"api.v1.tests.{name}.*", cb=copy)
    await raw.flush()
    await start_worker(await connect(), name, flow)
    assert (await gateway(name)).success
    await until(lambda: copies)

    await raw.publish(copies[0].subject, copies[0].data, reply=copies[0].reply)
    response = await raw.request(copies[0].subject, copies[0].data, 60)

    assert json.loads(response.data)["error_code"] == "UNAUTHORIZED"
    assert len(ran) == 1


async def test_a_response_of_a_stranger_is_dropped_and_the_true_one_awaited(connect, gateway, raw, name):
    responded = asyncio.Event()
    forged = {"success": True, "status": 200, "data": "forged"}

    async def flow(caller, request, inputs) -> Result:
        await responded.wait()
        return await echo(caller, request, inputs)

    async def response(msg) -> None:
        await raw.publish(msg.reply, json.dumps(forged).encode())
        await raw.publish(msg.reply, json.dumps({"signature": "0" * 64} | forged).encode())
        # What NATS says of a subject that nobody listens to can be said by anybody, too.
        await raw.publish(msg.reply, headers={"Status": "503"})
        await raw.flush()
        responded.set()

    await raw.subscribe(f"api.v1.tests.{name}.*", cb=response)
    await raw.flush()
    await start_worker(await connect(), name, flow)
    before = refused["response"]

    result = await gateway(name, number=1)

    assert (result.status, result.data) == (200, {"number": 1})
    assert refused["response"] == before + 2


@pytest.mark.parametrize("about", ["another request", "a token", "the health check"])
async def test_a_response_to_a_stranger_is_no_response_for_a_gateway(connect, gateway, raw, name, about):
    asked, responded = asyncio.Event(), asyncio.Event()
    subjects = {"another request": f"api.v1.tests.{name}", "a token": VALIDATE, "the health check": HEALTHCHECK}

    async def flow(caller, request, inputs) -> Result:
        await responded.wait()
        return await echo(caller, request, inputs)

    async def ask(msg) -> None:
        for payload in (b"nonsense", b'{"token": "bad"}', msg.data, msg.data.replace(b"number", b"member")):
            await raw.publish(subjects[about], payload, reply=msg.reply)
            await raw.publish(msg.subject, payload, reply=msg.reply)
        asked.set()

    await raw.subscribe(f"api.v1.tests.{name}.*", cb=ask)
    await raw.flush()
    await start_worker(await connect(), name, flow)
    before = refused["response"]

    running = asyncio.create_task(gateway(name, number=1))
    await asked.wait()
    await until(lambda: refused["response"] >= before + 4)
    responded.set()

    assert (await running).data == {"number": 1}


async def test_a_response_is_accepted_once(connect, gateway, raw, name):
    responses = []

    async def copy(msg) -> None:
        responses.append(msg)

    await raw.subscribe("_INBOX.>", cb=copy)
    await raw.flush()
    await start_worker(await connect(), name, echo)
    assert (await gateway(name)).success
    await until(lambda: any(b'"success":true' in msg.data for msg in responses))
    said = next(msg for msg in responses if b'"success":true' in msg.data)
    before = refused["response"]

    await raw.publish(said.subject, said.data)

    await until(lambda: refused["response"] > before)


async def test_an_empty_message_of_a_stranger_does_not_conclude_that_no_worker_is_there(connect, gateway, raw, name):
    calls = await raw.subscribe(CALLS)
    await raw.flush()
    before = refused["response"]

    asking = asyncio.create_task(gateway.workers.are_there())
    await raw.publish((await calls.next_msg(60)).reply)
    await until(lambda: refused["response"] > before or asking.done())

    assert not asking.done()
    await start_worker(await connect(), name, echo)
    assert await asking


async def test_a_silent_worker_is_called_once_in_a_pause(connect, raw, name, monkeypatch):
    """Beats alone prove no life: they may be repetitions, or of a worker of an older release, which knows no calls."""
    monkeypatch.setattr(workers, "PAUSE", 60.0)
    silent, other, last = (f"{name}-{which}" for which in ("silent", "other", "last"))
    connection, calls = await connect(), await raw.subscribe(CALLS)
    await Gateway(connection).start()
    await asyncio.gather(raw.flush(), connection.ping(60))
    clock = itertools.count(1.0)

    async def heartbeat(worker: str) -> None:
        note = {"worker": worker, "clock": next(clock), "state": "open"}
        await raw.publish(HEARTBEATS, MessageSigner(KEY).sign_broadcast(HEARTBEATS, note))

    async def called() -> str:
        call = await calls.next_msg(60)
        return MessageSigner(KEY).verify_broadcast(f"{CALLS} {call.reply}", call.data)["worker"]

    for worker in [silent, other] * 20 + [last]:
        await heartbeat(worker)
    assert [await called() for _ in range(3)] == [silent, other, last]

    monkeypatch.setattr(workers, "PAUSE", 0.0)
    await heartbeat(silent)
    assert await called() == silent


async def test_the_beat_of_a_worker_that_is_gone_does_not_bring_it_back(connect, gateway, raw, name):
    heartbeats = []

    async def copy(msg) -> None:
        heartbeats.append(msg.data)

    await raw.subscribe(HEARTBEATS, cb=copy)
    await raw.flush()
    worker = await start_worker(await connect(), name, echo)
    assert (await gateway(name)).success
    await worker.stop(1)
    before = refused["heartbeat"]

    said = tuple(heartbeats)
    for heartbeat in said:
        await raw.publish(HEARTBEATS, heartbeat)
    await until(lambda: refused["heartbeat"] >= before + len(said))

    assert (await gateway(name)).status == 503


async def test_rubbish_does_not_stop_the_worker(connect, gateway, raw, name):
    await start_worker(await connect(), name, echo)
    subject = f"api.v1.tests.{name}"
    rubbish = [b"", b"\xff" * 100, b"[" * 100_000, b"null", b'{"signature":"' + b"\xff" * 500, b"0" * 1_000_000]

    for payload in rubbish:
        assert json.loads((await raw.request(subject, payload, 60)).data)["error_code"] == "UNAUTHORIZED"
        await raw.publish(subject, payload)
        await raw.publish(VALIDATE, payload)
    await raw.publish(subject, b"x", reply="_INBOX.x", headers={"a": "\u0000é", "Status": "503", "b": ""})

    assert (await gateway(name)).success


async def test_a_message_from_a_holder_of_the_key_that_lacks_parts_is_500(connect, raw, name):
    heartbeats = await raw.subscribe(HEARTBEATS)
    await raw.flush()
    await start_worker(await connect(), name, echo)
    subject, inbox = f"api.v1.tests.{name}", raw.new_inbox()
    heard = await raw.subscribe(inbox)

    # The last beat tells its name and its clock.
    heartbeat = MessageSigner(KEY).verify_broadcast(HEARTBEATS, (await heartbeats.next_msg(60)).data)
    subject, limit = f"{subject}.{heartbeat['worker']}", heartbeat["clock"] + 60
    await raw.publish(subject, MessageSigner(KEY).sign_request(subject, inbox, {}, limit, limit), reply=inbox)

    assert json.loads((await heard.next_msg(60)).data)["error_code"] == "INTERNAL_ERROR"
