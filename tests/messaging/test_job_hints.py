"""Q-2: a hint after the commit wakes a runner: of this process, or of another when this one has none or is full."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from accord.messaging.connection import Connection
from accord.messaging.job_hints import JobHints


class Runner:
    """A runner that has room for some queues, and notes what wakes it."""

    def __init__(self, *has_room_for: str) -> None:
        self.has_room_for = set(has_room_for)
        self.woken: list[set[str]] = []

    def wake(self, queues) -> bool:
        self.woken.append(set(queues))
        return set(queues) <= self.has_room_for


@pytest.fixture
async def hints(service) -> AsyncIterator[list[JobHints]]:
    connections = [Connection(service.nats_url, f"hints-{n}") for n in range(2)]
    for connection in connections:
        await connection.start()
    yield [JobHints(connection) for connection in connections]
    for connection in connections:
        await connection.close()


async def until_woken(runner: Runner, queue: str, *, by: JobHints) -> None:
    """Enqueue until the runner is woken: its subscription may not have reached the server yet."""
    async with asyncio.timeout(10):
        while {queue} not in runner.woken:
            by.enqueued({queue})
            await asyncio.sleep(0.02)


async def test_a_process_without_a_runner_wakes_that_of_another(hints):
    here, there = hints
    runner = Runner("hinted")
    await there.follow(runner.wake)

    await until_woken(runner, "hinted", by=here)


async def test_a_process_whose_runner_has_room_wakes_no_other(hints):
    here, there = hints
    own, other = Runner("hinted"), Runner("hinted", "second")
    await here.follow(own.wake)
    await there.follow(other.wake)

    here.enqueued({"hinted"})
    assert own.woken == [{"hinted"}]
    # The runner here has no slot for this queue, so that both are told.
    await until_woken(other, "second", by=here)
    assert {"hinted"} not in other.woken
