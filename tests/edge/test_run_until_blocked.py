"""What runs at once: a task in name from the beginning, and in fact as soon as it has to wait."""

import asyncio

import pytest

from accord.edge.fast_path.run_until_blocked import CoroutineRunner


@pytest.fixture
def runner() -> CoroutineRunner:
    return CoroutineRunner()


def from_a_callback(runner: CoroutineRunner, work) -> asyncio.Future:
    """Run it as the protocol does: where no task is running."""
    started = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: started.set_result(runner.run_until_blocked(work)))
    return started


async def test_work_that_does_not_wait_is_done_at_once(runner):
    noted = []

    async def work() -> None:
        noted.append(asyncio.current_task())

    assert await from_a_callback(runner, work()) is None
    assert await from_a_callback(runner, work()) is None
    assert noted[0] is noted[1] is not asyncio.current_task()


async def test_work_that_waits_goes_on_in_the_task_it_began_in(runner):
    noted = []

    async def work() -> None:
        noted.append(asyncio.current_task())
        async with asyncio.timeout(5):
            await asyncio.sleep(0.01)
            await asyncio.sleep(0)
        noted.append(asyncio.current_task())

    task = await from_a_callback(runner, work())
    other = await from_a_callback(runner, work())
    await asyncio.gather(task, other)

    assert len(set(noted)) == 2
    assert {task, other} == set(noted)


@pytest.mark.parametrize("later", [True, False], ids=["while it waits", "before it goes on"])
async def test_work_that_waits_can_be_cancelled(runner, later):
    noted = []

    async def work() -> None:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            noted.append(asyncio.current_task().cancelling())
            raise

    task = await from_a_callback(runner, work())
    if later:
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert noted == [1]


async def test_a_timeout_reaches_work_that_waits(runner):
    noted = []

    async def work() -> None:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(5)
        except TimeoutError:
            noted.append("timeout")

    await (await from_a_callback(runner, work()))

    assert noted == ["timeout"]


async def test_an_error_raised_after_waiting_is_the_error_of_the_task(runner):
    async def work() -> None:
        await asyncio.sleep(0)
        raise LookupError

    task = await from_a_callback(runner, work())

    with pytest.raises(LookupError):
        await task
