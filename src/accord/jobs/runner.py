"""The runner of one process: it claims jobs, runs their attempts, and renews their leases.

A hint after a commit makes it quick; polling finds every job whose hint was lost, whose time has come, or whose runner
died. Several runners share the slots of a queue, which the claim counts in the database.
"""

import asyncio
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accord.context import Resources
from accord.database.transaction import BEGIN, COMMIT
from accord.jobs.attempts import SHUTDOWN, SUPERSEDED, Attempt, JobFlow, given_up, record, run_attempt
from accord.journal.reading import TailEntry
from accord.problems import Problem
from accord.queue.claiming import (
    CLAIM,
    FIND_LOST,
    FIND_UNKNOWN,
    LOCK_QUEUE,
    MAX_SWEPT,
    PROMOTE,
    RENEW,
    Claimed,
    Lost,
)
from accord.queue.ending import GivenUp
from accord.queue.figures import oldest_ready
from accord.queue.slots import DEFAULT
from accord.telemetry import logs

if TYPE_CHECKING:
    from uuid import UUID

    from accord.database.connection import Call
    from accord.settings.kinds import Slots

POLL_INTERVAL = 0.5
"""Seconds between looks for jobs whose time has come, whose hint was lost, or whose lease ended."""
UNKNOWN_INTERVAL = 60.0
"""Seconds between looks for jobs, and for queues, that no running release knows."""
CANCEL_TIMEOUT = 5.0
"""Seconds that cancelled attempts have to hand their jobs back at the end of the process."""

_NEVER = float("-inf")


@dataclass(slots=True)
class _Queue:
    """A queue as the runner sees it."""

    name: str
    slots: "Slots"
    open: int = 0
    """The slots that the last claim found, which an operator may have changed; 0 before the first claim."""
    running: int = 0
    served: str = ""
    """The share that got the last slot."""
    may_have_more: bool = True
    is_full: bool = False
    """Whether other processes use the remaining slots; the next poll, or the end of a job here, tells."""
    is_polled: bool = False
    """Whether a poll asks for the next claim: all slots may be taken, as an operator may have opened more."""

    @property
    def room(self) -> int:
        """How many jobs this process could begin."""
        return (self.open or self.slots.all) - self.running


class Runner:
    """Runs jobs until it is stopped."""

    def __init__(
        self,
        resources: Resources,
        flows: Mapping[str, JobFlow],
        queues: Mapping[str, "Slots"],
        name: str,
        *,
        has_metrics: bool,
        runs: Collection[str] | None = None,
        poll_interval: float = POLL_INTERVAL,
    ) -> None:
        """Take the parts, the flows by task, the slots by queue, and the queues that are run: None for all."""
        self._resources = resources
        self._database = resources.database.background
        self._flows = flows
        self._runs_all = runs is None
        self._queues = {queue: _Queue(queue, slots) for queue, slots in queues.items() if runs is None or queue in runs}
        self._name = name
        self._metrics = None
        if has_metrics:
            from accord.jobs import metrics  # noqa: PLC0415 - most workers are never asked for metrics

            self._metrics = metrics
        self._lease = resources.settings.job_lease
        self._poll_interval = poll_interval
        self._woken = asyncio.Event()
        self._attempts: dict[tuple[UUID, int], Attempt] = {}
        self._claiming = asyncio.Lock()
        self._is_stopping = False
        self._polled_at = self._looked_for_unknown_at = _NEVER

    @property
    def running(self) -> int:
        """How many attempts run in this process."""
        return len(self._attempts)

    def wake(self, queues: Collection[str]) -> bool:
        """Claim now: jobs were enqueued. Return False when this process has no slot left for one of the queues."""
        has_room = True
        for name in queues:
            queue = self._queues.get(name)
            if queue is None or queue.room <= 0:
                has_room = False
            else:
                queue.may_have_more = True
        self._woken.set()
        return has_room and not self._is_stopping

    def heard(self, entries: list[TailEntry]) -> None:
        """Cancel attempts whose job changed in the journal: the job was cancelled, or lost its lease."""
        newest = {
            entry.record_id: entry.record_version
            for entry in entries
            if entry.record_table == "jobs" and entry.record_version is not None
        }
        for (job_id, version), attempt in self._attempts.items():
            if newest.get(job_id, 0) > version:
                attempt.cancel(SUPERSEDED)

    async def run(self) -> None:
        """Claim and poll until stopped; a process that runs no queue leaves all jobs to those that do."""
        if not self._queues:
            return
        while not self._is_stopping:
            self._woken.clear()
            try:
                await self._poll_if_due()
                async with self._claiming:
                    claimed = [await self._claim(queue) for queue in self._queues.values()]
            except Problem as problem:
                logs.debug("Jobs could not be claimed.", reason=problem.code)
                claimed = []
            if not any(claimed):
                await self._wait()

    async def renew(self) -> None:
        """Renew the leases of running attempts, each third of a lease, until cancelled."""
        while True:
            await asyncio.sleep(self._lease / 3)
            held = [attempt.job for attempt in self._attempts.values() if attempt.is_renewed]
            if not held:
                continue
            try:
                kept = await self._database.all(
                    RENEW, ids=[job.id for job in held], versions=[job.version for job in held]
                )
            except Problem as problem:
                logs.warning("The leases of running jobs could not be renewed.", reason=problem.code)
                continue
            are_kept = {row.id for row in kept}
            for job in held:
                # An attempt that ended meanwhile is no longer among them.
                if job.id not in are_kept and (attempt := self._attempts.get((job.id, job.version))) is not None:
                    attempt.cancel(SUPERSEDED)

    async def stop(self, timeout_seconds: float) -> None:
        """Claim no more, let attempts finish, and hand back the jobs of those that take longer; a second call waits."""
        self._is_stopping = True
        self._woken.set()
        with suppress(TimeoutError):  # A claim that is under way may begin attempts.
            async with asyncio.timeout(CANCEL_TIMEOUT), self._claiming:
                pass
        if (running := self._running_tasks()) and timeout_seconds > 0:
            await asyncio.wait(running, timeout=timeout_seconds)
        for attempt in self._attempts.values():
            attempt.cancel(SHUTDOWN)
        if running := self._running_tasks():
            await asyncio.wait(running, timeout=CANCEL_TIMEOUT)

    def _running_tasks(self) -> list[asyncio.Task[None]]:
        return [attempt.running for attempt in self._attempts.values() if attempt.running is not None]

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(max(0.0, self._polled_at + self._poll_interval - time.monotonic())):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _poll_if_due(self) -> None:
        now = time.monotonic()
        if now - self._polled_at < self._poll_interval:
            return
        self._polled_at = now
        for queue in self._queues.values():
            queue.may_have_more, queue.is_full, queue.is_polled = True, False, True
        if await self._database.run(PROMOTE) == MAX_SWEPT:
            self._polled_at = _NEVER  # The time of more jobs has come: the next look does not wait.
        for job in await self._database.all(FIND_LOST):
            await self._give_up_lost(job)
        if now - self._looked_for_unknown_at > UNKNOWN_INTERVAL:
            self._looked_for_unknown_at = now
            if self._runs_all:
                await self._adopt_queues()
            for job in await self._database.all(FIND_UNKNOWN, tasks=list(self._resources.tasks.by_name)):
                await self._record(job, GivenUp("dead", "failed", "UNKNOWN_TASK: No running release knows this task."))

    async def _adopt_queues(self) -> None:
        """Run the jobs of queues that no task names any more: their task was moved to another queue."""
        for left in await oldest_ready(self._database):
            if left.queue not in self._queues:
                self._queues[left.queue] = _Queue(left.queue, DEFAULT)

    async def _give_up_lost(self, job: Lost) -> None:
        task = self._resources.tasks.by_name.get(job.task)
        if (own := self._attempts.get((job.id, job.version))) is not None:
            own.cancel(SUPERSEDED)
        # A job whose task this release does not know waits for one that does, and gives its slot free meanwhile.
        how = GivenUp("retrying", "lost") if task is None else given_up(job, task, None)
        if await self._record(job, how):
            logs.warning("A job lost its lease.", job=str(job.id), task=job.task, attempt=job.attempt)
            if self._metrics is not None:
                self._metrics.leases_lost.inc()

    async def _record(self, job: Lost, how: GivenUp) -> bool:
        """Record the end of an attempt of a runner that is gone; a job for which that fails holds up no other."""
        try:
            return await record(self._resources, job, how, until=_NEVER)
        except Exception as error:  # noqa: BLE001 - the next poll tries again
            logs.exception("The end of a job could not be recorded.", error, job=str(job.id))
            return False

    async def _claim(self, queue: _Queue) -> int:
        """Claim and begin jobs of a queue; return how many."""
        wanted = max(queue.room, int(queue.is_polled))
        if not queue.may_have_more or queue.is_full or wanted <= 0 or self._is_stopping:
            return 0
        queue.may_have_more = queue.is_polled = False
        claim: Call = (
            CLAIM,
            {
                "queue": queue.name,
                "slots": queue.slots.all,
                "share_limit": queue.slots.share_limit,
                "wanted": wanted,
                "lease": self._lease,
                "worker": self._name,
                "tasks": list(self._flows),
                "after": queue.served,
            },
        )
        async with self._database.connection() as connection:
            outcomes = await connection.run(BEGIN, (LOCK_QUEUE, {"queue": queue.name}), claim, COMMIT)
        rows: list[Claimed] = outcomes[2].rows
        jobs = [row for row in rows if row.id is not None]  # pyright: ignore[reportUnnecessaryComparison] - outer join
        free, queue.open = rows[0].free, rows[0].slots
        queue.may_have_more = queue.may_have_more or len(jobs) >= free
        queue.is_full = free < wanted and len(jobs) >= free
        for job in jobs:
            queue.served = job.share
            self._begin(queue, job)
        if any(job.owner_id is not None for job in jobs):
            self._resources.journal_appended()
        return len(jobs)

    def _begin(self, queue: _Queue, job: Claimed) -> None:
        attempt = Attempt(job, self._resources.tasks.by_name[job.task])
        self._attempts[job.id, job.version] = attempt
        queue.running += 1
        attempt.running = asyncio.create_task(self._run(queue, attempt), name=f"job {job.task}")

    async def _run(self, queue: _Queue, attempt: Attempt) -> None:
        outcome = "failed"
        try:
            outcome = await run_attempt(self._resources, self._flows[attempt.job.task], attempt, self._lease)
        except Exception as error:  # noqa: BLE001 - the lease ends, and the job is tried again
            logs.exception("The end of a job could not be recorded.", error, job=str(attempt.job.id))
        finally:
            del self._attempts[attempt.job.id, attempt.job.version]
            queue.running -= 1
            queue.is_full = False
            # Other jobs of the share or of the order key may have waited for this one, though the queue has slots left.
            waited = attempt.job.share != "" or attempt.job.order_key is not None
            queue.may_have_more = queue.may_have_more or waited
            if queue.may_have_more:
                self._woken.set()
            self._measure(attempt, outcome)

    def _measure(self, attempt: Attempt, outcome: str) -> None:
        if self._metrics is not None:
            job = attempt.job
            self._metrics.attempts.labels(job.task, outcome).inc()
            self._metrics.run_time.labels(job.task).observe(time.monotonic() - attempt.began)
            self._metrics.start_lag.labels(job.queue).observe(max(job.lag, 0.0))
