"""I-11: a worker that stands still gets no work, and does nothing later of what was given up."""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from messaging.flows import start_worker, until

from accord.dispatch import Result
from accord.messaging.lease import BEATS, LEASE

TESTS = Path(__file__).parents[1]
SOON = 60.0
"""Seconds after which what a test waits for does not come any more, on however busy a machine."""


@pytest.fixture
async def other(nats_server, name, tmp_path):
    """A worker in a process of its own; `numbers` are those of the requests that it began."""
    log = tmp_path / "begun"
    command = [sys.executable, "-m", "messaging.worker_process", nats_server.url, name, str(log)]
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, "PYTHONPATH": str(TESTS)})
    # A first line says that it is there.
    await until(lambda: log.exists() and log.read_text())

    class Other:
        def frozen(self) -> None:
            process.send_signal(signal.SIGSTOP)

        async def killed(self) -> None:
            process.kill()
            await process.wait()

        def goes_on(self) -> None:
            process.send_signal(signal.SIGCONT)

        @property
        def numbers(self) -> list[int]:
            return [int(line) for line in log.read_text().split()[1:]]

    yield Other()
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


@pytest.fixture
async def here(connect, name):
    """A worker in this process; the numbers of the requests that it began."""
    begun: list[int] = []

    async def flow(_, __, inputs) -> Result:
        begun.append(inputs["number"])
        return Result(success=True, status=200, data="here")

    await start_worker(await connect(), name, flow)
    return begun


async def test_what_waits_in_a_frozen_worker_is_read_elsewhere_and_written_nowhere(gateway, name, other, here):
    await until(lambda: len(gateway.workers.alive) == 2)
    other.frozen()

    reads = [asyncio.create_task(gateway(name, repeatable=True, number=n)) for n in range(40)]
    writes = [asyncio.create_task(gateway(name, number=n)) for n in range(100, 140)]
    read = await asyncio.gather(*reads)
    written = await asyncio.gather(*writes)

    assert {result.status for result in read} == {200}
    assert {result.status for result in written} == {200, 504}
    assert gateway.workers.alive == ["open"]
    # From now on nobody notices.
    after = [await gateway(name, number=n) for n in range(200, 220)]
    assert {(result.status, result.data) for result in after} == {(200, "here")}

    other.goes_on()
    # It reads all that waits for it before what comes now.
    await until(lambda: len(gateway.workers.alive) == 2)
    while (await gateway(name, repeatable=True, number=300)).data != "other":
        pass
    assert set(other.numbers) == {300}
    assert Counter(number for number in here if number < 200) == Counter(
        [*range(40), *(number for number, result in enumerate(written, 100) if result.success)]
    )


async def test_the_only_worker_frozen_is_503_at_once_until_it_goes_on(gateway, name, other):
    assert (await gateway(name, number=1)).status == 200
    other.frozen()
    started = time.monotonic()

    first = await gateway(name, number=2)

    assert first.status == 504
    assert time.monotonic() - started >= LEASE - 0.6
    assert (await gateway(name, number=3)).status == 503
    other.goes_on()
    await until(lambda: gateway.workers.alive)
    assert (await gateway(name, number=4)).status == 200
    assert other.numbers == [1, 4]


@pytest.mark.usefixtures("here")
async def test_what_a_vanished_worker_had_is_read_elsewhere(connect, gateway, name):
    await until(lambda: gateway.workers.alive)
    gone = await connect()
    stuck = asyncio.Event()

    async def flow(*_) -> Result:
        stuck.set()
        await asyncio.sleep(SOON)
        raise AssertionError

    worker = await start_worker(gone, name, flow)
    await until(lambda: len(gateway.workers.alive) == 2)
    requests = [asyncio.create_task(gateway(name, repeatable=True, number=n)) for n in range(2)]
    await stuck.wait()
    await gone.close()

    results = await asyncio.gather(*requests)

    assert [result.status for result in results] == [200, 200]
    await worker.stop(0)


async def test_a_write_of_a_killed_worker_is_made_by_no_other_whatever_nats_says(connect, gateway, name, raw, other):
    """It may have committed. That nobody listened can be said by anybody, each time that the request is sent."""
    said, begun = [], []

    async def forge(msg) -> None:
        await raw.publish(msg.reply, headers={"Status": "503"})
        said.append(msg.reply)

    async def flow(_, __, inputs) -> Result:
        begun.append(inputs["number"])
        return Result(success=True, status=200, data="here")

    await raw.subscribe(f"api.v1.tests.{name}.*", cb=forge)
    await raw.flush()
    await until(lambda: gateway.workers.alive)
    plain = asyncio.create_task(gateway(name, number=1, is_stuck=True))
    with_a_key = asyncio.create_task(gateway(name, number=2, is_stuck=True, key="k"))
    # Each goes to the worker again and again, for as long as somebody says that it was not heard.
    await until(lambda: min(Counter(said).values(), default=0) > 1 and set(other.numbers) == {1, 2})
    await start_worker(await connect(), name, flow)
    await until(lambda: len(gateway.workers.alive) == 2)

    await other.killed()

    assert (await plain).status == 504
    # Whoever runs it again is answered from its key, if it was committed.
    assert ((await with_a_key).status, (await with_a_key).data) == (200, "here")
    assert begun == [2]


async def test_after_a_beat_that_failed_the_next_one_is_heard(connect, gateway, name, monkeypatch):
    connection, beats = await connect(), list[bool]()
    publish = connection.publish

    async def failing_once(subject, *rest) -> None:
        if subject == BEATS:
            beats.append(bool(beats))
        if beats == [False]:
            raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")
        await publish(subject, *rest)

    async def flow(*_) -> Result:
        return Result(success=True, status=200, data="here")

    await start_worker(connection, name, flow)
    monkeypatch.setattr(connection, "publish", failing_once)
    await until(lambda: len(beats) > 1)

    assert (await gateway(name)).status == 200
