"""Which requests are sent again, and when.

Sending again is safe when the same request twice does nothing twice (a read, or one with an idempotency key), or when
the first one did nothing: it was never sent, or the service says that it was too much.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeGuard

import httpx

from .errors import UNEXPECTED, AccordError, ConnectionFailed, error_of, next_step

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
UNSENT_FOR: Final = 10.0
UNSENT_PAUSE: Final = 1.0
"""Seconds for which, and at most between which, a request is tried again that surely was not sent: a restart takes
seconds, and sending later does nothing twice.
"""
FIRST_PAUSE_OF_QUEUE: Final = 1.0
LONGEST_PAUSE_OF_QUEUE: Final = 30.0
"""Seconds; what waits in a queue has time."""
LONGEST_RETRY_AFTER: Final = 30.0
"""Seconds that a call waits because the service asks it to; if it asks for more, the call raises at once."""
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_FIRST_ERROR: Final = 400


def pause_before(attempt: int) -> float:
    """Return the seconds before another attempt, counted from 1: exponential, with full jitter."""
    limit = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt - 1, 16))
    return random.uniform(0, limit)  # noqa: S311 - this spreads load, and keeps no secret


def pause_of_queue(attempt: int, error: Exception) -> float:
    """Return the seconds before what waits in a queue is sent again, at least those that the service asks for."""
    asked = error.problem.retry_after or 0 if isinstance(error, AccordError) else 0
    limit = min(LONGEST_PAUSE_OF_QUEUE, FIRST_PAUSE_OF_QUEUE * 2 ** min(attempt - 1, 16))
    return asked + random.uniform(0, limit)  # noqa: S311 - this spreads load, and keeps no secret


def is_final(error: Exception) -> TypeGuard[AccordError]:
    """Return whether this is the service's own word about the request, and would be the same another time."""
    if not isinstance(error, AccordError) or error.code == UNEXPECTED:
        return False
    return bool(error.request_id) and next_step(error) == "final"


async def send_with_retries(
    send: Callable[[], Awaitable[httpx.Response]], *, repeatable: bool, retries: int
) -> httpx.Response:
    """Send until a response is final, or the retries are used up. Raises ConnectionFailed."""
    clock = asyncio.get_running_loop().time
    attempt, unsent, over = 0, 0, clock() + UNSENT_FOR
    while True:
        try:
            response = await send()
            attempt += 1
            pause = _pause_after(response, attempt, repeatable=repeatable)
            if pause is None or attempt > retries:
                return response
        except _NEVER_SENT as failure:
            unsent += 1
            if not retries or clock() >= over:
                raise ConnectionFailed(_what_happened(failure)) from failure
            pause = min(UNSENT_PAUSE, pause_before(unsent))
        except httpx.TransportError as failure:
            attempt += 1
            if attempt > retries or not repeatable:
                raise ConnectionFailed(_what_happened(failure)) from failure
            pause = pause_before(attempt)
        await asyncio.sleep(pause)


def _pause_after(response: httpx.Response, attempt: int, *, repeatable: bool) -> float | None:
    """Return the seconds after which to send again, or None for a final response."""
    if not _may_be_sent_again(response, repeatable=repeatable):
        return None
    asked = _retry_after(response)
    if asked > LONGEST_RETRY_AFTER:
        return None
    # Clients that got the same number shall not come back all together.
    return asked + pause_before(attempt)


def _may_be_sent_again(response: httpx.Response, *, repeatable: bool) -> bool:
    if response.status_code < _FIRST_ERROR:
        return False
    step = next_step(error_of(response.status_code, response.content, ""))
    return step == "again" or (step == "repeat" and repeatable)


def _retry_after(response: httpx.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else 0.0


def _what_happened(failure: httpx.TransportError) -> str:
    reason = str(failure) or type(failure).__name__
    if isinstance(failure, _NEVER_SENT):
        return f"The service cannot be reached ({reason}). Nothing was sent."
    return f"The connection broke ({reason}). A change may or may not have been made; read the record to see."
