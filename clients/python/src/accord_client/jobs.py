"""Waiting for a job: reading it until it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from .errors import problem_error
from .generated.models import Job, Problem

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
"""Seconds between reads: a job that takes long is read rarely."""


async def wait_for_job(read: Callable[[], Awaitable[Job]]) -> Job:
    """Return the job once it has ended; raise the error of its problem, if it has one."""
    pause = FIRST_PAUSE
    while (job := await read()).ended_at is None:
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
    if job.problem is not None:
        raise problem_error(Problem.from_dict(job.problem))
    return job
