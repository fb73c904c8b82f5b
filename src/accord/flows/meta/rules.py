"""How single checks add up to the health of the service."""

import asyncio
import time
from collections.abc import Mapping
from typing import Literal

from accord.context import Probe
from accord.contract.types import HealthCheck

PROBE_LIMIT = 3.0
"""Seconds after which something that does not answer counts as down."""

Status = Literal["ok", "degraded", "error"]


async def check(probe: Probe) -> HealthCheck:
    """Run one probe, and say how long it took in milliseconds."""
    started = time.perf_counter()
    status: Status = "ok"
    try:
        await asyncio.wait_for(probe(), PROBE_LIMIT)
    except Exception:  # noqa: BLE001 - whatever a probe raises means the same: it does not work
        status = "error"
    return {"status": status, "latencyMs": round((time.perf_counter() - started) * 1000, 3)}


def overall(checks: Mapping[str, HealthCheck]) -> Status:
    """Without the database nothing works; without anything else, something does."""
    if checks.get("database", {"status": "ok"})["status"] == "error":
        return "error"
    return "degraded" if any(check["status"] == "error" for check in checks.values()) else "ok"
