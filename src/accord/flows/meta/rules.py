"""The health of the service, from its single checks; and the rows that expire in tables of no domain."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Literal

from accord.context import Probe
from accord.contract.types import HealthCheck
from accord.database import idempotency, request_counts
from accord.database.autocommit import Autocommit
from accord.database.expiry import delete_batch
from accord.queue.retention import delete_some_ended, erase_some_outcomes
from accord.settings import Settings

Status = Literal["ok", "degraded", "error"]


async def check(probe: Probe) -> HealthCheck:
    """Run one probe; return its status and its duration in milliseconds."""
    started = time.perf_counter()
    status: Status = "ok" if await probe() else "error"
    return {"status": status, "latencyMs": round((time.perf_counter() - started) * 1000, 3)}


async def works(look: Callable[[], Awaitable[object]], limit: float) -> bool:
    """Return whether the look returns within the limit (seconds); an exception means that it does not.

    A look that is late is cancelled without waiting for its end: psycopg takes seconds more to give up a frozen server.
    """
    task = asyncio.ensure_future(look())
    task.add_done_callback(_heard)
    try:
        await asyncio.wait({task}, timeout=limit)
    finally:
        task.cancel()
    return task.done() and not task.cancelled() and task.exception() is None


def _heard(task: asyncio.Future[object]) -> None:
    """Retrieve the exception of a late look, so that asyncio does not log it as never retrieved."""
    if not task.cancelled():
        task.exception()


def overall(checks: Mapping[str, HealthCheck]) -> Status:
    """Return `error` without the database, which every operation needs, and `degraded` when another check fails."""
    if checks.get("database", {"status": "ok"})["status"] == "error":
        return "error"
    return "degraded" if any(check["status"] == "error" for check in checks.values()) else "ok"


async def delete_some_expired(database: Autocommit, settings: Settings) -> bool:
    """Delete or erase a batch of each kind of rows that expired; return whether more may be left."""
    return any([await delete_some(database) for delete_some in _deletions(settings)])


def _deletions(settings: Settings) -> list[Callable[[Autocommit], Awaitable[bool]]]:
    return [
        partial(delete_batch, statement=request_counts.DELETE_EXPIRED),
        partial(delete_batch, statement=idempotency.DELETE_EXPIRED),
        erase_some_outcomes,
        partial(delete_some_ended, state="completed", seconds=settings.job_retention),
        partial(delete_some_ended, state="cancelled", seconds=settings.job_retention),
        partial(delete_some_ended, state="dead", seconds=settings.dead_retention),
    ]
