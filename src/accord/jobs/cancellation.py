"""A flow that is cancelled from within, and not by the runner or the reader that runs it."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

Returned = TypeVar("Returned")


class CancelledWithin(RuntimeError):
    """A flow waited for something that was cancelled: a mistake of the flow, as nothing asked the flow to end."""


async def cancelled_from_outside_alone(flow: Awaitable[Returned], name: str) -> Returned:
    """Return what the flow returns; raise CancelledWithin where the task that runs the flow was not cancelled itself.

    As CancelledError it would pass every `except Exception`, and end a reader or an attempt without a word in the log.
    """
    try:
        return await flow
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise CancelledWithin(f"{name} was cancelled from within.") from error
