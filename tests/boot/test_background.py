"""I-11: what runs in the background is started again, whatever ended it."""

import asyncio

import pytest
from processes import once
from prometheus_client import REGISTRY

from accord.boot import background
from accord.boot.background import keep_running

pytestmark = once


def restarts(task: str) -> float:
    return REGISTRY.get_sample_value("accord_background_restarts_total", {"task": task}) or 0


@pytest.mark.parametrize(
    "error", [OSError(24, "Too many open files"), RuntimeError(), ExceptionGroup("", [ValueError()])]
)
async def test_a_task_that_an_error_ended_starts_again_later_each_time(error):
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async def run() -> None:
        if len(pauses) < 12:
            raise error

    before = restarts("a test")
    await keep_running("a test", run, sleep)

    assert pauses[:4] == [0.1, 0.2, 0.4, 0.8]
    assert pauses[-1] == background.LONGEST_PAUSE
    assert restarts("a test") == before + 12


async def test_cancelled_it_ends():
    begun = asyncio.Event()

    async def run() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(keep_running("a test", run))
    await begun.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
