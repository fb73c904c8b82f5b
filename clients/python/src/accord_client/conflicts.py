"""Changes that are made to whatever the record is: read, change, and on a conflict read again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from .errors import VersionConflict
from .retries import pause_before

R = TypeVar("R")
W = TypeVar("W")


async def update_with_retry(
    read: Callable[[], Awaitable[R]], change: Callable[[R], Awaitable[W]], *, attempts: int = 10
) -> W:
    """Read a record and change it; when it has moved on meanwhile, read and change it again.

    Of all who write the same version one wins, so this ends. Raises VersionConflict after the last attempt.
    """
    for attempt in range(1, attempts):
        try:
            return await change(await read())
        except VersionConflict:
            await asyncio.sleep(pause_before(min(attempt, 3)))
    return await change(await read())


def update_with_retry_waiting(read: Callable[[], R], change: Callable[[R], W], *, attempts: int = 10) -> W:
    """Do the same, waiting for each step."""
    for attempt in range(1, attempts):
        try:
            return change(read())
        except VersionConflict:
            time.sleep(pause_before(min(attempt, 3)))
    return change(read())
