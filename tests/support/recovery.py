"""The wait for a service that is whole again."""

import asyncio
import time

import httpx
from running import Service

HEALED_WITHIN = 10.0
"""Seconds after the return of PostgreSQL or NATS (O-8)."""
ENOUGH = 12
"""Good responses in a row; any worker may give each, and one that is not well yet would hardly give none of them."""
TIMEOUT = 60.0
"""Seconds after which what a test waits for does not come any more."""


async def until_well(service: Service) -> None:
    """Wait for a row of good responses, the last bad one before HEALED_WITHIN is over, however busy the machine is."""
    started, in_a_row = time.monotonic(), 0
    async with httpx.AsyncClient(base_url=service.url, timeout=TIMEOUT) as http:
        while in_a_row < ENOUGH:
            ready, health = await http.get("/readyz"), await http.get("/api/v1/healthcheck")
            if ready.status_code == health.status_code == 200 and health.json()["status"] == "ok":
                in_a_row += 1
                continue
            assert time.monotonic() - started < HEALED_WITHIN, f"{ready.text} {health.text}"
            in_a_row = 0
            await asyncio.sleep(0.05)
