"""I-6: a flood of hostile requests, listed and random, is answered quickly and leaves nothing behind."""

import asyncio
import collections
import itertools
import json
import random
import re
import statistics
import time
from collections.abc import Iterator
from urllib.parse import quote

import psutil
import pytest
from contract_operations import OPERATIONS, WITH_BODY, example_body
from hostile_input import CHUNKED, JSON, MALFORMED, MEMBERS, WHOLE
from raw_http import chunked, connected, exchanged, request
from worst_bodies import worst_bodies

CONNECTIONS = 8
SLOWEST = 0.250
GROWTH = 24 * 1024 * 1024


def hostile(seed: int) -> Iterator[bytes]:
    """Yield requests without end: what is listed elsewhere, and noise in every place that takes text."""
    chance = random.Random(seed)
    listed = list(MALFORMED.values())
    members, wholes = list(MEMBERS.values()), list(WHOLE.values())

    def noise(limit: int) -> bytes:
        return chance.randbytes(chance.randint(0, limit))

    def text(limit: int) -> str:
        return quote(noise(limit), safe="=&;%+[]")

    def header_value() -> bytes:
        return bytes(b for b in noise(200) if b >= 0x20 and b != 0x7F)

    while True:
        operation = chance.choice(OPERATIONS)
        path = re.sub(r"\{\w+\}", lambda _: text(20), operation.path)
        names = ("Authorization", "Accept", "Accept-Encoding", "If-Match", "If-None-Match", "Origin", "traceparent")
        headers = [(chance.choice(names), header_value()) for _ in range(chance.randint(0, 4))]
        body = None
        if operation in WITH_BODY:
            good = json.dumps(example_body(operation)).encode()
            body = chance.choice(
                [noise(2000), chance.choice(wholes), b"{" + chance.choice(members) + b"," + good[1:], good[:-1]]
            )
            headers.append(JSON if chance.random() < 0.9 else ("Content-Type", header_value()))
            if chance.random() < 0.2:
                headers, body = [*headers, CHUNKED], chunked(body) if body else b"0\r\n\r\n"
        yield chance.choice(
            [
                chance.choice(listed),
                request(operation.method, f"{path}?{text(60)}", headers, body),
                request(operation.method, path, headers, body),
                request(chance.choice(("GET", "POST", "PUT", "OPTIONS", "TRACE")), f"/{text(40)}", headers),
            ]
        )


async def responded(url: str, sent: bytes) -> tuple[float, int]:
    """Return the seconds that the response took, and its status."""
    async with connected(url) as connection:
        started = time.perf_counter()
        await connection.send(sent)
        response = await connection.response()
        return time.perf_counter() - started, response.status


async def flood(url: str, count: int, seed: int) -> tuple[list[bytes], dict[int, int]]:
    """Send so many requests over a few connections at a time; return those that took long, and all statuses."""
    requests, slow, statuses = itertools.islice(hostile(seed), count), [], collections.Counter()

    async def send() -> None:
        for sent in requests:
            seconds, status = await responded(url, sent)
            statuses[status] += 1
            if seconds > SLOWEST:
                slow.append(sent)

    await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
    return slow, statuses


async def is_slow(url: str, sent: bytes) -> bool:
    """Say whether a request takes long, alone, each time, and not only while this machine has much else to do."""
    for _ in range(20):
        if (await responded(url, sent))[0] <= SLOWEST / CONNECTIONS:
            return False
    return True


async def withstands(unlimited, url: str, until, count: int, seed: int) -> None:
    server = psutil.Process(unlimited.process.pid)
    await flood(url, 500, seed)
    before = server.memory_info().rss

    slow, statuses = await flood(url, count, seed + 1)

    assert max(statuses) < 500, statuses
    assert len(statuses) > 5, f"the requests were all alike: {statuses}"
    assert server.memory_info().rss - before < GROWTH
    assert [sent for sent in slow if await is_slow(url, sent)] == []
    await until(lambda: exchanged(url, request("GET", "/readyz")), lambda response: response.status == 200)


async def test_a_flood_of_hostile_requests_is_withstood(unlimited, url, until):
    await withstands(unlimited, url, until, count=2000, seed=1)


async def test_other_requests_are_served_while_the_worst_bodies_arrive(url, root):
    """I-8: before, one such body stood still for minutes."""
    known = {operation.id: operation for operation in WITH_BODY}
    signed = ("Authorization", f"Bearer {root[1]}")
    worst = [
        request("POST", known[name].path, [JSON, signed], body)
        for name in ("echo", "applyTransaction")
        for _, body in worst_bodies(known[name])
    ]

    async def attack() -> list[int]:
        return [(await responded(url, sent))[1] for sent in worst]

    attacking = asyncio.create_task(attack())
    took = []
    while not attacking.done():
        seconds, status = await responded(url, request("GET", "/livez"))
        took.append(seconds)
        assert status == 200

    assert set(await attacking) == {400}
    # Half of them, and more than a body takes, as this machine has other tests to run.
    assert statistics.median(took) < SLOWEST
    assert max(took) < 10


@pytest.mark.fuzz
async def test_ten_thousand_hostile_requests_are_withstood(unlimited, url, until):
    await withstands(unlimited, url, until, count=10_000, seed=random.randrange(2**32))


async def test_a_server_without_limits_counts_no_client(url):
    sent = request("GET", "/api/v1/meta/version", [("X-Forwarded-For", "198.51.100.77")])

    responses = [await exchanged(url, sent) for _ in range(101)]

    assert {response.status for response in responses} == {200}
    assert "ratelimit" not in responses[-1].headers
