"""Two gateways, two workers, and everything is cut, killed and restarted while clients write and follow (L-8)."""

import asyncio
import os
import random
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from given import PASSWORD, new_email
from live_storm import Follower, Writer
from running import ROOT_EMAIL, ROOT_PASSWORD, Program, Service

from accord.embedded.nats import EmbeddedNats

WRITERS = 20
FOLLOWERS = 6
WRITES_PER_SECOND = 500
TIMEOUT = 2.0
"""Seconds after which a writer whose worker was killed looks whether its change was made."""
LISTENS = r"listens on (\S+)"


class Gateways:
    """Two of them; `any` names one that runs."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._count = 0
        self.running: dict[str, Program] = {}

    def start(self, count: int = 1) -> None:
        started = [self._service.run(f"gateway-{self._count + n}", "gateway", "--port", "0") for n in range(count)]
        self._count += count
        self.running |= {program.wait_for(LISTENS): program for program in started}

    def any(self) -> str:
        return random.choice(list(self.running))

    def take_one(self) -> Program:
        url = self.any()
        return self.running.pop(url)


@pytest.fixture
def crowd() -> Iterator[tuple[Service, Gateways]]:
    """A service of its own, as it would run on two machines."""
    with tempfile.TemporaryDirectory(prefix="accord-storm-") as folder:
        service = Service(Path(folder), "nats", RATE_LIMIT_ENABLED="false", ACCESS_TOKEN_TTL="3600")
        gateways = Gateways(service)
        try:
            service.seed_root()
            for number in (1, 2):
                service.run(f"worker-{number}", "worker")
            gateways.start(2)
            for program in service.programs[:2]:
                program.wait_for(r"(worker is ready)")
            for url in gateways.running:
                service.url = url
                service.wait_until_ready()
            yield service, gateways
        finally:
            service.stop()


@pytest.mark.skipif(os.environ.get("FLOW_TRANSPORT") != "nats", reason="gateways and workers talk over NATS")
async def test_after_a_short_storm_every_client_knows_what_the_database_knows(crowd):
    await storm(*crowd, seconds=30, seed=random.randrange(10**6))


@pytest.mark.faults
@pytest.mark.parametrize("seed", [1])
async def test_after_a_long_storm_every_client_knows_what_the_database_knows(crowd, seed):
    await storm(*crowd, seconds=600, seed=seed)


async def storm(service: Service, gateways: Gateways, seconds: float, seed: int) -> None:
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    random.seed(seed)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=TIMEOUT))
        root = await signed_in(gateways.any(), ROOT_EMAIL, ROOT_PASSWORD)
        writers = await asyncio.gather(*(a_writer(gateways) for _ in range(WRITERS)))
        followers = [
            Follower(root, [writer.key for writer in writers], gateways.any, random.Random(seed + number))
            for number in range(FOLLOWERS)
        ]
        following = [asyncio.create_task(follower.run()) for follower in followers]
        interval = WRITERS / WRITES_PER_SECOND
        writing = [asyncio.create_task(writer.run(http, interval)) for writer in writers]

        await asyncio.gather(trouble(service, gateways, seconds), none_fails(*following, *writing, seconds=seconds))
        async with asyncio.timeout(60 + seconds):
            while sum(w.saved for w in writers) <= seconds * 10 or sum(f.cuts for f in followers) <= seconds:
                await none_fails(*following, *writing, seconds=0.1)
        for writer in writers:
            writer.is_over = True
        await asyncio.gather(*writing)
        for follower in followers:
            follower.calm = True
        await agreed(followers, writers, http, following)
        await stopped(following)

    saved = sum(writer.saved for writer in writers)
    print(f"{saved / seconds:.0f} writes/s, {sum(f.cuts for f in followers)} cuts")  # noqa: T201 - likewise
    assert [gap for follower in followers for gap in follower.gaps()] == []


async def trouble(service: Service, gateways: Gateways, seconds: float) -> None:
    """Kill NATS, a worker and a gateway, one after another, and start again what nobody else starts."""
    nats, end = EmbeddedNats(service.folder / "data"), time.monotonic() + seconds
    workers = [program for program in service.programs if program.arguments == ("worker",)]
    pause = max(2.0, seconds / 40)
    number = 2
    while time.monotonic() < end - pause:
        await asyncio.sleep(pause)
        await asyncio.to_thread(kill, nats)
        await asyncio.sleep(pause)
        worker = workers.pop(0)
        worker.process.kill()
        worker.process.wait()
        number += 1
        workers.append(service.run(f"worker-{number}", "worker"))
        await asyncio.sleep(pause)
        gateway = gateways.take_one()
        gateway.process.kill()
        gateway.process.wait()
        await asyncio.to_thread(gateways.start)


def kill(nats: EmbeddedNats) -> None:
    """Kill it, once those who watch over it have brought it back from the last time."""
    while not nats.alive():
        time.sleep(0.02)
    assert nats.pid is not None
    os.kill(nats.pid, signal.SIGKILL)


async def none_fails(*tasks: asyncio.Task[None], seconds: float) -> None:
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    raise_first(tasks)


def raise_first(tasks: tuple[asyncio.Task[None], ...] | list[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done():
            task.result()


async def stopped(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def agreed(
    followers: list[Follower], writers: list[Writer], http: httpx.AsyncClient, following: list[asyncio.Task[None]]
) -> None:
    """Wait until every follower knows the truth, which a change may still alter that nobody waits for any more."""
    deadline = time.monotonic() + 60
    while True:
        truth = {writer.key: await writer.look(http) for writer in writers}
        if all(follower.state() == truth for follower in followers):
            return
        raise_first(following)
        assert time.monotonic() < deadline, [
            {key: (known, truth[key]) for key, known in follower.state().items() if known != truth[key]}
            for follower in followers
        ]
        await asyncio.sleep(0.05)


async def a_writer(gateways: Gateways) -> Writer:
    url = gateways.any()
    body = {"email": new_email(), "password": PASSWORD, "firstName": "Ada", "lastName": "Lovelace"}
    async with httpx.AsyncClient(timeout=30) as http:
        created = await http.post(f"{url}/api/v1/auth/register", json=body)
    return Writer(created.json()["id"], await signed_in(url, body["email"], PASSWORD), gateways.any)


async def signed_in(url: str, email: str, password: str) -> str:
    async with httpx.AsyncClient(timeout=30) as http:
        response = await http.post(f"{url}/api/v1/auth/login", json={"email": email, "password": password})
    assert response.status_code == 200, response.text
    return response.json()["accessToken"]
