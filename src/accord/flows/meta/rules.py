"""How single checks add up to the health of the service."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from accord.context import Probe
from accord.contract.types import HealthCheck

Status = Literal["ok", "degraded", "error"]


async def check(probe: Probe) -> HealthCheck:
    """Run one probe, and say how long it took in milliseconds."""
    started = time.perf_counter()
    status: Status = "ok" if await probe() else "error"
    return {"status": status, "latencyMs": round((time.perf_counter() - started) * 1000, 3)}


async def works(look: Callable[[], Awaitable[object]], limit: float) -> bool:
    """Say whether the look returns in time; whatever it raises means the same.

    One that is late is cancelled and not waited for: giving up a server that is frozen takes psycopg seconds more.
    """
    task = asyncio.ensure_future(look())
    task.add_done_callback(_heard)
    try:
        await asyncio.wait({task}, timeout=limit)
    finally:
        task.cancel()
    return task.done() and not task.cancelled() and task.exception() is None


def _heard(task: asyncio.Future[object]) -> None:
    """Keep asyncio from saying that nobody asked how a late look ended."""
    if not task.cancelled():
        task.exception()


def overall(checks: Mapping[str, HealthCheck]) -> Status:
    """Without the database nothing works; without anything else, something does."""
    if checks.get("database", {"status": "ok"})["status"] == "error":
        return "error"
    return "degraded" if any(check["status"] == "error" for check in checks.values()) else "ok"
