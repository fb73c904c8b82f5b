"""A look that many may ask for: probes are not counted, so what they ask of others must not grow with them."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Seen = TypeVar("Seen")

FRESH_FOR = 0.25
"""Seconds that what was seen counts, where nothing else is said."""


class Glance(Generic[Seen]):
    """Shares one look among all who ask while it is made or fresh."""

    def __init__(self, look: Callable[[], Awaitable[Seen]], fresh_for: float = FRESH_FOR) -> None:
        """Take what looks, and raises nothing, and the seconds that what was seen counts."""
        self._look, self._fresh_for = look, fresh_for
        self._looking: asyncio.Future[Seen] | None = None
        self._began_at = 0.0

    async def __call__(self) -> Seen:
        """Return what the look came to."""
        looking = self._looking
        if looking is None or (looking.done() and time.monotonic() - self._began_at > self._fresh_for):
            self._began_at = time.monotonic()
            looking = self._looking = asyncio.ensure_future(self._look())
        # Whoever asks may go away; the others still want to know.
        return await asyncio.shield(looking)
