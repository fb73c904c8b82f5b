"""O-8: a worker or a gateway dies in mid-request; what others run goes on, and everything runs once."""

import asyncio
import signal
import time
from collections.abc import Iterator
from functools import partial

import httpx
import psycopg
import pytest
from processes import locked_row, someone_waits_for_a_lock, wait_until
from system.faults.deployment import TIMEOUT, TRANSPORT

pytestmark = pytest.mark.skipif(TRANSPORT != "nats", reason="is about gateways and workers")


@pytest.fixture
def impatient_url(deployment) -> Iterator[str]:
    """A gateway that does not wait for long."""
    gateway = deployment.run("impatient-gateway", "gateway", "--port", "0", REQUEST_TIMEOUT="5s")
    yield gateway.wait_for(r"listens on (\S+)")
    gateway.stop()
    deployment.programs.remove(gateway)


async def replaced(victim, given) -> None:
    """Start it again, and read with each worker that the gateway knows: a write that finds the dead one is 504."""
    victim.log.unlink()
    victim.start().wait_for("(worker is ready)")
    http = await given.somebody()
    for _ in range(4):
        assert (await http.get("/api/v1/meta/version")).status_code == 200


async def test_a_killed_worker_costs_its_own_requests_only(given, deployment, impatient_url):
    me = await given.an_account()
    me.http.base_url = impatient_url
    victim = deployment.workers[0]
    with locked_row(deployment.database_url, me.id) as lock:
        # So many that, as NATS chooses among the workers at random, each of them runs some.
        requests = [asyncio.create_task(me.patch("/api/v1/me", expectedVersion=1, firstName=f"N{n}")) for n in range(8)]
        await asyncio.to_thread(wait_until, lambda: someone_waits_for_a_lock(deployment.database_url))
        await asyncio.sleep(0.2)
        victim.process.send_signal(signal.SIGKILL)
        victim.process.wait()
        lock.rollback()
    started = time.monotonic()

    responses = await asyncio.gather(*requests)

    statuses = sorted(response.status_code for response in responses)
    assert set(statuses) <= {200, 409, 503, 504}
    assert statuses.count(200) <= 1
    assert time.monotonic() - started < 25
    version = (await me.get("/api/v1/me")).json()["version"]
    assert await me.journal() == [("users", me.id, number) for number in range(2, version + 1)]
    assert version - 1 in {statuses.count(200), 1}

    # Chance may have given all of them to the other worker: a read finds the dead one out, and is repeated elsewhere.
    assert {(await me.get("/api/v1/me")).status_code for _ in range(20)} == {200}

    # The other one serves from now on, all of it; the dead one is replaced.
    following = [await me.patch("/api/v1/me", expectedVersion=version + n, firstName="Go") for n in range(6)]
    assert [response.status_code for response in following] == [200] * 6
    await replaced(victim, given)


async def test_a_keyed_creation_of_a_killed_worker_is_made_once_by_another(given, deployment, until):
    me, victim = await given.an_account(), deployment.workers[0]
    keys = [{"Idempotency-Key": f"key-{number}"} for number in range(2)]
    async with await psycopg.AsyncConnection.connect(deployment.database_url) as holder:
        await holder.execute("LOCK TABLE accord.conversation_members IN EXCLUSIVE MODE")
        # Two at once, so that each of the workers has one.
        requests = [asyncio.create_task(me.post("/api/v1/conversations", key, title="Plans")) for key in keys]
        await given.lock_waiters(2)
        victim.process.send_signal(signal.SIGKILL)
        victim.process.wait()
    responses = await asyncio.gather(*requests)

    async def repeat(key):
        return await me.post("/api/v1/conversations", key, title="Plans")

    def has_ended(response):
        return response.json().get("code") != "IDEMPOTENCY_IN_PROGRESS"

    # PostgreSQL may still be at what the dead one asked for, and hold its key.
    again = [await until(partial(repeat, key), has_ended) for key in keys]

    assert {response.status_code for response in responses} <= {201, 409}
    assert {response.json().get("code") for response in responses} <= {None, "IDEMPOTENCY_IN_PROGRESS"}
    assert [response.status_code for response in again] == [201, 201]
    made = (await me.get("/api/v1/conversations")).json()["items"]
    assert sorted(one["id"] for one in made) == sorted(response.json()["id"] for response in again)
    await replaced(victim, given)


async def test_two_workers_execute_each_request_once(given):
    me = await given.an_account()

    responses = await asyncio.gather(
        # Two with the first version: one of them is refused, in whatever order they come.
        *(me.patch("/api/v1/me", expectedVersion=version, firstName="Once") for version in [1, *range(1, 31)])
    )

    won = [response for response in responses if response.status_code == 200]
    assert {response.status_code for response in responses} == {200, 409}
    assert len(await me.journal()) == len(won) == (await me.get("/api/v1/me")).json()["version"] - 1


async def test_a_killed_gateway_loses_nothing_that_it_acknowledged_and_another_goes_on(given, deployment, until):
    me = await given.an_account()
    second = deployment.run("second-gateway", "gateway", "--port", "0")
    url = second.wait_for(r"listens on (\S+)")
    headers = {"authorization": me.http.headers["authorization"]}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT) as other:
        # It listens before it knows a worker.
        await until(lambda: other.get("/readyz"), lambda response: response.status_code == 200)
        with locked_row(deployment.database_url, me.id) as lock:
            pending = asyncio.create_task(other.patch("/api/v1/me", json={"expectedVersion": 1, "firstName": "Held"}))
            await asyncio.to_thread(wait_until, lambda: someone_waits_for_a_lock(deployment.database_url))
            second.process.kill()
            second.process.wait()
            with pytest.raises(httpx.TransportError):
                await pending
            lock.rollback()

    # The worker ran it to its end: nobody was told, and nothing is half done.
    async with asyncio.timeout(TIMEOUT):
        while (await me.get("/api/v1/me")).json()["version"] == 1:
            await asyncio.sleep(0.02)
    assert await me.journal() == [("users", me.id, 2)]
    assert (await me.patch("/api/v1/me", expectedVersion=2, firstName="Next")).status_code == 200
    deployment.programs.remove(second)
