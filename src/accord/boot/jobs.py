"""The jobs of a process: its runner, with the hints, the journal and the background tasks that it needs; schedules."""

import os
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from accord.boot.background import background
from accord.boot.parts import Parts
from accord.jobs.attempts import JobFlow
from accord.jobs.runner import Runner
from accord.jobs.schedules import Schedules
from accord.queue.slots import slots_by_queue


@asynccontextmanager
async def running_jobs(parts: Parts, flows: Mapping[str, JobFlow], *, has_metrics: bool) -> AsyncGenerator[Runner]:
    """Run jobs within this block; the caller stops the runner before it ends."""
    resources, settings = parts.resources, parts.resources.settings
    runner = Runner(
        resources,
        flows,
        slots_by_queue(resources.tasks.by_name.values(), settings.queues or {}),
        f"{socket.gethostname()}:{os.getpid()}",
        has_metrics=has_metrics,
        runs=settings.job_queues or None,
    )
    parts.tail.listeners.append(runner.heard)
    await parts.job_hints.follow(runner.wake)
    run = partial(background, has_metrics=has_metrics)
    schedules = Schedules(resources, has_metrics=has_metrics)
    async with run("jobs", runner.run), run("leases", runner.renew), run("schedules", schedules.run):
        yield runner
