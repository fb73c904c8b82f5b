"""Jobs that tests run: rows in the queue of their task, which the runners of the service claim."""

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

import httpx

from accord.contract import bundle
from accord.contract.tasks import tasks
from accord.queue.tables import ENDED

if TYPE_CHECKING:
    from given import Given

LONGEST_WAIT = 30.0
COLUMNS = ("id", "task", "state", "request_id", "version", "attempts", "result")


class Job(NamedTuple):
    """A row of `jobs`, as tests look at it."""

    id: UUID
    task: str
    state: str
    request_id: str
    version: int
    attempts: list[dict[str, Any]]
    result: Any


class Jobs:
    """Runs jobs in the service, and looks at them."""

    def __init__(self, given: "Given") -> None:
        self._given = given
        self._queues = {task.name: task.queue for task in tasks(bundle.load())}

    async def run(self, task: str, /, **args: Any) -> Job:
        """Run a job of this task with these arguments, and return it once it has ended."""
        job_id = uuid4()
        # Of a request of its own, so that its journal entries are found.
        values = {"id": job_id, "task": task, "queue": self._queues[task], "request_id": uuid4().hex}
        await self._given.sql(
            "INSERT INTO accord.jobs (id, task, queue, request_id, args, state, is_ready, run_at)"
            " VALUES (%s, %s, %s, %s, %s, 'queued', true, clock_timestamp())",
            *values.values(),
            json.dumps(args),
        )
        [job] = await self._ended("id = %s", job_id)
        return job

    async def drain(self, response: httpx.Response) -> list[Job]:
        """Return the jobs that the request of this response enqueued, and those that they enqueued, all ended.

        A job whose time has not come is left out.
        """
        is_due = "(state <> 'scheduled' OR run_at <= clock_timestamp())"
        return await self._ended(f"{is_due} AND request_id = %s", response.headers["x-request-id"])

    async def entries(self, job: Job) -> list[dict[str, Any]]:
        """Return what the journal has of the request that the job belongs to."""
        return await self._given.entries_of(job.request_id)

    async def _ended(self, condition: str, value: object) -> list[Job]:
        deadline = time.monotonic() + LONGEST_WAIT
        columns = ", ".join(COLUMNS)
        while True:
            rows = await self._given.sql(
                f"SELECT {columns} FROM accord.jobs WHERE {condition} ORDER BY id",  # noqa: S608 - the names above
                value,
            )
            jobs = [Job(*row) for row in rows]
            if all(job.state in ENDED for job in jobs):
                return jobs
            assert time.monotonic() < deadline, jobs
            await asyncio.sleep(0.02)
