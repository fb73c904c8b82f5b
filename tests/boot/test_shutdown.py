"""O-7: what was begun is finished, nothing new is taken, and whoever is in a hurry has a way, too."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest
from given import Given
from processes import alive_in, locked_row, once, someone_waits_for_a_lock, wait_until
from running import Program, Service

Held = tuple[asyncio.Task[httpx.Response | None], Callable[[], None]]


@asynccontextmanager
async def held_request(given: Given, service: Service) -> AsyncGenerator[Held]:
    """Let an account's request wait in this service for a lock, until it is released; None when it was cut off."""
    me = await given.an_account()
    url = given.service.database_url

    async def patch() -> httpx.Response | None:
        headers = {"authorization": me.http.headers["authorization"]}
        async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as http:
            with suppress(httpx.TransportError):
                return await http.patch("/api/v1/me", json={"expectedVersion": 1, "firstName": "Grace"})
            return None

    with locked_row(url, me.id) as lock:
        request = asyncio.create_task(patch())
        await asyncio.to_thread(wait_until, lambda: someone_waits_for_a_lock(url))
        yield request, lock.rollback
    await request


async def ended(program: Program) -> int:
    return await asyncio.to_thread(program.process.wait, 60)


def accepts(url: str) -> bool:
    """Say whether it takes requests; that something is missing for them is another matter."""
    try:
        return "stopping" not in httpx.get(f"{url}/readyz", timeout=30).text
    except httpx.TransportError:
        return False


async def until_it_stops(url: str) -> None:
    """Wait until the first signal has come to the process."""
    await asyncio.to_thread(wait_until, lambda: not accepts(url))


@once
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_request_in_flight_is_finished_while_nothing_new_is_taken(given, another, number):
    service = another().start()
    program = service.programs[-1]
    assert accepts(service.url)

    async with held_request(given, service) as (request, release):
        program.process.send_signal(number)
        await until_it_stops(service.url)
        assert not request.done()
        assert program.process.poll() is None
        release()

    assert request.result().status_code == 200
    assert await ended(program) == 0


@once
async def test_readiness_ends_with_the_signal(another, until):
    service = another().start()
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        await until(lambda: http.get("/readyz"), lambda response: response.json() == {"status": "ok"})

        service.programs[-1].process.terminate()
        responses: list[httpx.Response] = []
        with suppress(httpx.TransportError):
            while True:
                responses.append(await http.get("/readyz"))

    refused = [response for response in responses if response.status_code != 200]
    assert {(response.status_code, response.json()["detail"]) for response in refused} <= {
        (503, "Not ready: stopping.")
    }
    assert all(response.headers["retry-after"] == "1" for response in refused)
    assert await ended(service.programs[-1]) == 0


@once
async def test_new_connections_are_served_until_balancers_have_noticed(another):
    service = another(SHUTDOWN_DELAY="5s").start()
    program = service.programs[-1]
    signalled = time.monotonic()
    program.process.terminate()
    await until_it_stops(service.url)

    served: list[int] = []
    with suppress(httpx.TransportError):
        while True:
            async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
                served.append((await http.get("/api/v1/meta/version")).status_code)
            last = time.monotonic()
            await asyncio.sleep(0.2)  # More would be too many requests of one address.

    assert set(served) == {200}
    assert last - signalled > 1
    assert await ended(program) == 0
    assert time.monotonic() - signalled >= 5


@once
async def test_a_second_signal_does_not_wait_for_balancers(another):
    service = another(SHUTDOWN_DELAY="60s").start()
    program = service.programs[-1]
    program.process.terminate()
    await until_it_stops(service.url)
    program.process.terminate()

    assert await ended(program) == 1


@once
async def test_the_last_worker_takes_requests_while_it_says_that_it_ends(alone):
    service = alone(SHUTDOWN_DELAY="5s", RATE_LIMIT_ENABLED="false")
    worker = service.run("worker", "worker", "--port", "0")
    asked = worker.wait_for(r"it listens on (\S+)")
    service.url = service.run("server", "gateway", "--port", "0").wait_for(r"listens on (\S+)")
    await asyncio.to_thread(wait_until, service.is_ready)
    signalled = time.monotonic()
    worker.process.terminate()
    await until_it_stops(asked)

    async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        while (await http.get("/api/v1/meta/version")).status_code == 200:
            served = time.monotonic()

    assert served - signalled > 1
    assert await ended(worker) == 0


@once
async def test_a_second_signal_ends_it_at_once_with_status_1(given, another):
    service = another().start()
    program = service.programs[-1]

    async with held_request(given, service) as (request, _):
        program.process.terminate()
        await until_it_stops(service.url)
        started = time.monotonic()
        program.process.terminate()

        assert await ended(program) == 1
        # By the first one alone it would finish the request within half a minute.
        assert time.monotonic() - started < 20
        assert await request is None


@once
async def test_requests_past_the_shutdown_timeout_are_cut_off_and_the_exit_status_is_1(given, another):
    service = another(SHUTDOWN_TIMEOUT="1s").start()
    program = service.programs[-1]

    async with held_request(given, service) as (request, _):
        started = time.monotonic()
        program.process.terminate()

        assert await ended(program) == 1
        # It has half a minute by default.
        assert 1 <= time.monotonic() - started < 20
        response = await request
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")


@once
async def test_a_second_signal_leaves_no_server_behind(alone):
    service = alone()
    service.start()
    program = service.programs[-1]
    os.kill(program.process.pid, signal.SIGINT)
    os.kill(program.process.pid, signal.SIGINT)

    assert await ended(program) in {0, 1}

    assert alive_in(service.folder) == []


async def test_a_request_that_waits_for_a_mail_gets_its_response_when_the_process_stops(another):
    service = another().start()
    program, place = service.programs[-1], httpx.URL(service.url)
    reader, writer = await asyncio.open_connection(place.host, place.port)
    path = "/api/v1/dev/inbox?to=stranger@example.com&wait=20"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {place.host}:{place.port}\r\n\r\n".encode())
    await writer.drain()
    # The connection of this request came later, so that the request that waits is in flight.
    assert await asyncio.to_thread(accepts, service.url)

    began = time.monotonic()
    program.process.terminate()
    status = await reader.readline()
    writer.close()

    assert status.startswith(b"HTTP/1.1 200 ")
    assert await ended(program) == 0
    assert time.monotonic() - began < 15


@once
async def test_a_worker_finishes_what_it_runs_and_takes_no_more(given, alone):
    service = alone(RATE_LIMIT_ENABLED="false")
    worker = service.run("worker", "worker")
    worker.wait_for("(worker is ready)")
    gateway = service.run("server", "gateway", "--port", "0")
    service.url = gateway.wait_for(r"listens on (\S+)")
    await asyncio.to_thread(wait_until, service.is_ready)
    own = given.of(service)

    async with held_request(own, service) as (request, release):
        worker.process.terminate()
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
            while (await http.get("/api/v1/meta/version")).status_code == 200:
                await asyncio.sleep(0.02)
        assert not request.done()
        release()

    assert request.result().status_code == 200
    assert await ended(worker) == 0


@once
async def test_a_worker_is_alive_and_not_ready_until_it_has_finished(given, alone):
    service = alone()
    worker = service.run("worker", "worker", "--port", "0")
    asked = worker.wait_for(r"it listens on (\S+)")
    service.url = service.run("server", "gateway", "--port", "0").wait_for(r"listens on (\S+)")
    own = given.of(service)

    async with held_request(own, service) as (request, release), httpx.AsyncClient(base_url=asked) as http:
        assert (await http.get("/readyz")).status_code == 200
        worker.process.terminate()
        while (ready := await http.get("/readyz")).status_code == 200:
            await asyncio.sleep(0.02)
        assert not request.done()
        assert ready.json()["detail"] == "Not ready: stopping."
        assert (await http.get("/livez")).status_code == 200
        release()

    assert request.result().status_code == 200
    assert await ended(worker) == 0
