"""A look that many may ask for: probes are not counted, so what they ask of others must not grow with them."""

import asyncio
import time
from collections.abc import Awaitable, Callable

FRESH_FOR = 0.25
"""Seconds that what was seen counts."""


class Glance:
    """Shares one look among all who ask while it is made or fresh."""

    def __init__(self, look: Callable[[], Awaitable[str | None]]) -> None:
        """Take what looks."""
        self._look = look
        self._looking: asyncio.Future[str | None] | None = None
        self._began_at = 0.0

    async def __call__(self) -> str | None:
        """Return what the look came to."""
        looking = self._looking
        if looking is None or (looking.done() and time.monotonic() - self._began_at > FRESH_FOR):
            self._began_at = time.monotonic()
            looking = self._looking = asyncio.ensure_future(self._look())
        # Whoever asks may go away; the others still want to know.
        return await asyncio.shield(looking)
