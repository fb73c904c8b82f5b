"""Looks at figures that only metrics show, again and again."""

import asyncio
from collections.abc import Awaitable, Callable

from accord.telemetry import logs


async def look_every(seconds: float, look: Callable[[], Awaitable[None]], failure: str) -> None:
    """Look, and wait so many seconds, until cancelled; a look that fails is logged, as the next one may succeed."""
    while True:
        try:
            await look()
        except Exception as error:  # noqa: BLE001 - whatever the error
            logs.debug(failure, reason=type(error).__name__)
        await asyncio.sleep(seconds)
