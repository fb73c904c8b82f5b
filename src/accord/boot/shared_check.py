"""A check whose result concurrent callers share: probes have no rate limit, so their load must not grow with them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Seen = TypeVar("Seen")

FRESH_FOR = 0.25
"""Seconds for which a result is fresh, by default."""


class SharedCheck(Generic[Seen]):
    """Shares one check among the callers that come while it runs, or while its result is fresh."""

    def __init__(self, look: Callable[[], Awaitable[Seen]], fresh_for: float = FRESH_FOR) -> None:
        """Take the check, which must not raise, and the seconds for which its result is fresh."""
        self._look, self._fresh_for = look, fresh_for
        self._looking: asyncio.Future[Seen] | None = None
        self._began_at = 0.0

    async def __call__(self) -> Seen:
        """Return the result of the check."""
        looking = self._looking
        if looking is None or (looking.done() and time.monotonic() - self._began_at > self._fresh_for):
            self._began_at = time.monotonic()
            looking = self._looking = asyncio.ensure_future(self._look())
        # A caller may be cancelled; the others still wait for the result.
        return await asyncio.shield(looking)
