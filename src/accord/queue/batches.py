"""Work in batches, for jobs whose work is too much for one transaction."""

import time
from collections.abc import Awaitable, Callable

from accord.queue.outcomes import Later

SECONDS = 20.0
"""How long a job goes on in one attempt, so that no time limit ends the attempt and other jobs get the slot."""

STATEMENT_TIMEOUT = 60.0
"""Seconds until the backend of a batch counts as frozen: old rows may be on a slow disk."""


async def in_batches(do_some: Callable[[], Awaitable[bool]]) -> None:
    """Call until nothing is left, as the result says; what a call did stays. Raises Later when the time is over."""
    ends_at = time.monotonic() + SECONDS
    while await do_some():
        if time.monotonic() > ends_at:
            raise Later
