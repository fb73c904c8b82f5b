"""Jobs that tests run: rows in the queue of their task, which the runners of the service claim."""

import asyncio
import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

import httpx

from accord.contract import bundle
from accord.contract.tasks import tasks
from accord.queue.tables import ENDED
from accord.queue.tasks import Tasks

if TYPE_CHECKING:
    from given import Given

LONGEST_WAIT = 30.0
IS_LATER = "(state IN ('scheduled', 'retrying') AND run_at > clock_timestamp())"
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
        self._tasks = Tasks(tasks(bundle.load()))

    async def run(self, task: str, /, **args: Any) -> Job:
        """Run a job of this task with these arguments, and return it once it has ended."""
        job_id = uuid4()
        # Of a request of its own, so that its journal entries are found.
        queue = self._tasks.checked(task, args).queue
        values = {"id": job_id, "task": task, "queue": queue, "request_id": uuid4().hex}
        await self._given.sql(
            "INSERT INTO accord.jobs (id, task, queue, request_id, args, state, is_ready, run_at)"
            " VALUES (%s, %s, %s, %s, %s, 'queued', true, clock_timestamp())",
            *values.values(),
            json.dumps(args),
        )
        [job] = await self._ended("id = %s", job_id)
        return job

    async def drain(self, response: httpx.Response, *, after: timedelta = timedelta()) -> list[Job]:
        """Return the jobs that the request of this response enqueued, and those that they enqueued, all ended.

        A job whose time has not come is left out. With `after`, so much time passes for these jobs, from one due time
        to the next: each runs once its time has come, and is tried again after its wait; one that waits even so is
        returned as it is. Times of jobs are those of the database, and a runner compares `run_at` with the database's
        clock and with nothing else, so time passes when `run_at` comes so much nearer. The runners are the service's.
        """
        request_id = response.headers["x-request-id"]
        has_begun = "(state <> 'scheduled' OR run_at <= clock_timestamp()) AND request_id = %s"
        if not after:
            return await self._ended(has_begun, request_id)
        while after:
            await self._ended(f"{has_begun} AND NOT {IS_LATER}", request_id)
            after -= await self._passed(request_id, after)
        await self._ended(f"{has_begun} AND NOT {IS_LATER}", request_id)
        return await self._found(has_begun, request_id)

    async def entries(self, job: Job) -> list[dict[str, Any]]:
        """Return what the journal has of the request that the job belongs to."""
        return await self._given.entries_of(job.request_id)

    async def _passed(self, request_id: str, at_most: timedelta) -> timedelta:
        """Let time pass until the next of these jobs is due; return how much it was."""
        [(step,)] = await self._given.sql(
            f"WITH later AS (SELECT id, run_at - clock_timestamp() AS wait FROM accord.jobs"  # noqa: S608 - as below
            f" WHERE {IS_LATER} AND request_id = %s),"
            " step AS (SELECT LEAST(%s, min(wait)) AS seconds FROM later),"
            " moved AS (UPDATE accord.jobs SET run_at = run_at - seconds FROM later, step WHERE jobs.id = later.id)"
            " SELECT seconds FROM step",
            request_id,
            at_most,
        )
        return step

    async def _ended(self, condition: str, value: object) -> list[Job]:
        deadline = time.monotonic() + LONGEST_WAIT
        while True:
            jobs = await self._found(condition, value)
            if all(job.state in ENDED for job in jobs):
                return jobs
            assert time.monotonic() < deadline, jobs
            await asyncio.sleep(0.02)

    async def _found(self, condition: str, value: object) -> list[Job]:
        rows = await self._given.sql(
            f"SELECT {', '.join(COLUMNS)} FROM accord.jobs WHERE {condition} ORDER BY id",  # noqa: S608 - the names above
            value,
        )
        return [Job(*row) for row in rows]
