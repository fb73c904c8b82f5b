"""I-11: a worker that stands still gets no work, and does nothing later of what was given up."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from messaging.conftest import LONG
from messaging.flows import KEY, Gateway, start_worker, until

from accord.clock import uptime
from accord.dispatch import Result
from accord.messaging import lease
from accord.messaging.lease import CALLS, HEARTBEATS, LEASE
from accord.messaging.signing import MessageSigner

TESTS = Path(__file__).parents[1]
SOON = 60.0
"""Seconds after which what a test waits for does not come any more, on however busy a machine."""


@pytest.fixture
async def other(nats_server, name, tmp_path, request):
    """A worker in a process of its own; `numbers` are those of the requests that it began."""
    log, lease = tmp_path / "begun", getattr(request, "param", LEASE)
    command = [sys.executable, "-m", "messaging.worker_process", nats_server.url, name, str(log), str(lease)]
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, "PYTHONPATH": str(TESTS)})
    # A first line says that it is there.
    await until(lambda: log.exists() and log.read_text())

    class Other:
        def frozen(self) -> None:
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)

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


async def test_reads_queued_at_a_frozen_worker_run_elsewhere_and_writes_do_not(
    gateway, name, other, here, silence_counts
):
    await until(lambda: len(gateway.workers.alive) == 2)
    other.frozen()
    silence_counts()

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


async def test_the_only_worker_frozen_is_503_at_once_until_it_goes_on(gateway, name, other, silence_counts):
    assert (await gateway(name, number=1)).status == 200
    (peer,) = gateway.workers._peers.values()
    other.frozen()
    silence_counts()

    first = await gateway(name, number=2)

    assert first.status == 504
    assert uptime() - peer.heard >= LEASE
    assert (await gateway(name, number=3)).status == 503
    other.goes_on()
    await until(lambda: gateway.workers.alive)
    assert (await gateway(name, number=4)).status == 200
    assert other.numbers == [1, 4]


@pytest.mark.usefixtures("here")
async def test_reads_of_a_vanished_worker_run_elsewhere(connect, gateway, name, silence_counts):
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
    silence_counts()

    results = await asyncio.gather(*requests)

    assert [result.status for result in results] == [200, 200]
    await worker.stop(0)


# A worker that finds itself given up ends what it runs, also when only the machine stood still; here it must be killed.
@pytest.mark.parametrize("other", [SOON], indirect=True)
async def test_a_write_of_a_killed_worker_is_made_by_no_other_whatever_nats_says(
    connect, gateway, name, raw, other, silence_counts
):
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
    silence_counts()

    assert (await plain).status == 504
    # Whoever runs it again is answered from its key, if it was committed.
    assert ((await with_a_key).status, (await with_a_key).data) == (200, "here")
    assert begun == [2]


async def test_after_a_beat_that_failed_the_next_one_is_heard(connect, gateway, name, monkeypatch):
    connection, heartbeats = await connect(), list[bool]()
    publish = connection.publish

    async def failing_once(subject, *rest) -> None:
        if subject == HEARTBEATS:
            heartbeats.append(bool(heartbeats))
        if heartbeats == [False]:
            raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")
        await publish(subject, *rest)

    async def flow(*_) -> Result:
        return Result(success=True, status=200, data="here")

    await start_worker(connection, name, flow)
    monkeypatch.setattr(connection, "publish", failing_once)
    await until(lambda: len(heartbeats) > 1)

    assert (await gateway(name)).status == 200


@pytest.fixture
async def overheard(raw):
    """Whatever workers say, as somebody hears it who may repeat it: their beats, and their answers to gateways."""
    said: list[tuple[str, bytes]] = []

    async def hear(msg) -> None:
        if b'"worker"' in msg.data:
            said.append((msg.subject, msg.data))

    await raw.subscribe(HEARTBEATS, cb=hear)
    await raw.subscribe("_INBOX.>", cb=hear)
    await raw.flush()
    return said


async def test_old_heartbeats_of_a_dead_worker_are_ignored_by_a_starting_gateway(
    overheard, connect, gateway, name, raw, other, silence_counts
):
    assert (await gateway(name, number=1)).status == 200
    await until(lambda: len([subject for subject, _ in overheard if subject == HEARTBEATS]) > 3)
    await other.killed()
    said, calls, connection = overheard[:], await raw.subscribe(CALLS), await connect()
    started = await Gateway(connection).start()
    await asyncio.gather(raw.flush(), connection.ping(SOON))

    inbox = ""
    for subject, payload in said:
        await raw.publish(subject, payload)
        if subject == HEARTBEATS:
            # It heard that, and asks; what the dead one said to the other gateway is no response.
            inbox = inbox or (await calls.next_msg(SOON)).reply
            for _, response in said:
                await raw.publish(inbox, response)
    await raw.flush()
    silence_counts()

    # Else the request would be sent, and wait.
    assert (await started(name, number=2)).status == 503
    assert started.workers.alive == []


async def test_writes_go_to_the_living_worker_while_a_dead_one_is_repeated(overheard, connect, name, raw, other, here):
    await until(lambda: len({data for subject, data in overheard if subject == HEARTBEATS}) > 6)
    await other.killed()
    said, calls, connection = overheard[:], await raw.subscribe(CALLS), await connect()
    await raw.flush()
    gateway = await Gateway(connection).start()
    await connection.ping(SOON)

    for subject, payload in said:
        await raw.publish(subject, payload)
    for _ in {json.loads(payload)["worker"] for _, payload in said}:
        await calls.next_msg(SOON)
    await until(lambda: gateway.workers.alive)
    written = [await gateway(name, number=number) for number in range(20)]

    assert {(result.status, result.data) for result in written} == {(200, "here")}
    assert gateway.workers.alive == ["open"]
    assert here == list(range(20))


async def test_heartbeats_missed_while_disconnected_do_not_count(connect, name, raw, other, silence_counts):
    connection = await connect()
    gateway = await Gateway(connection).start()
    assert (await gateway(name, number=1)).status == 200
    (peer,) = gateway.workers._peers.values()
    await other.killed()

    await connection._client._process_err("'Authorization Violation'")
    await until(lambda: not connection.is_connected)
    await until(lambda: connection.is_connected)
    missed = MessageSigner(KEY).sign_broadcast(
        HEARTBEATS, {"worker": peer.id, "clock": peer.clock + 0.5, "state": "open"}
    )
    calls = await raw.subscribe(CALLS)
    await raw.flush()
    await connection.ping(SOON)
    await raw.publish(HEARTBEATS, missed)

    assert (await calls.next_msg(SOON)).reply
    silence_counts()
    assert (await gateway(name, number=2)).status == 503


async def test_a_living_worker_is_known_again_after_the_connection_was_lost(connect, name, other):
    connection = await connect()
    gateway = await Gateway(connection).start()
    assert (await gateway(name, number=1)).status == 200

    await connection._client._process_err("'Authorization Violation'")
    await until(lambda: not connection.is_connected)
    await until(lambda: gateway.workers.alive == ["open"])

    assert (await gateway(name, number=2)).status == 200
    assert other.numbers == [1, 2]


async def test_a_worker_that_responds_to_a_call_may_commit_what_comes_next(connect, name, monkeypatch):
    """After a loss of NATS the call of a gateway may come before the next heartbeat."""
    monkeypatch.setattr(lease, "INTERVAL", LONG)
    held: list[bool] = []

    async def flow(_, request, __) -> Result:
        held.append(request.is_awaited())
        return Result(success=True, status=200)

    worker = await start_worker(await connect(), name, flow)
    worker._lease._last -= LONG
    assert not worker._lease.is_held()
    gateway = await Gateway(await connect()).start()

    assert (await gateway(name)).status == 200
    assert held == [True]
