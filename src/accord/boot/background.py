"""Background tasks: they run as long as the process, and start again whenever an error ends them (I-11).

A task has no deadline, so its database is `database.background`, whose statements have a limit.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from accord.telemetry import logs

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
"""Seconds until a task that failed starts again: doubled at each failure, from the first pause to the longest."""


@asynccontextmanager
async def background(name: str, run: Callable[[], Awaitable[None]], *, has_metrics: bool) -> AsyncGenerator[None]:
    """Run a task within this block; with metrics, restarts are counted from 0 on, so that the first shows."""
    if has_metrics:
        from accord.boot.metrics import restarts  # noqa: PLC0415 - most workers are never asked for metrics

        restarts.labels(name)
    task = asyncio.create_task(keep_running(name, run), name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def keep_running(
    name: str, run: Callable[[], Awaitable[None]], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Run a task until the task returns, or until cancelled; `sleep` waits between two runs."""
    pause = FIRST_PAUSE
    while True:
        started = time.monotonic()
        try:
            return await run()
        except Exception as error:  # noqa: BLE001 - the process needs the task, whatever the error
            if time.monotonic() - started > LONGEST_PAUSE:
                pause = FIRST_PAUSE
            logs.exception("A background task failed; it starts again.", error, task=name, seconds=pause)
            _count(name)
        await sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def _count(name: str) -> None:
    from accord.boot.metrics import restarts  # noqa: PLC0415 - most workers are never asked for metrics

    restarts.labels(name).inc()
