"""Tasks of tests, and runners that run them on a database of their own: in this process, or as a process to kill."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from reacting import opened_resources
from sqlalchemy import Column, MetaData, Table, Text, Uuid, bindparam, insert

from accord.boot import clock as database_clock
from accord.context import ANONYMOUS, Context, JobContext, RequestInfo, Resources
from accord.contract.tasks import Task, tasks
from accord.database.statement import Statement
from accord.dispatch import run_to_commit
from accord.jobs.runner import Runner
from accord.problems import NotFound
from accord.queue.outcomes import Later
from accord.queue.slots import slots_by_queue
from accord.queue.tasks import Tasks
from accord.settings import Settings
from accord.settings.kinds import Slots

CONNECTIONS = 10
EFFECTS = "CREATE TABLE IF NOT EXISTS public.effects (id bigserial, job_id uuid, word text)"
_effects = Table("effects", MetaData(schema="public"), Column("job_id", Uuid), Column("word", Text))
_ADD_EFFECT = Statement(insert(_effects).values(job_id=bindparam("job_id"), word=bindparam("word")))
WORD = {"type": "object", "additionalProperties": False, "properties": {"word": {"type": "string"}}}
PAUSED = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"word": {"type": "string"}, "seconds": {"type": "number"}},
}


async def effect(context: JobContext, word: str = "") -> None:
    """Write one row."""
    await context.tx.run(_ADD_EFFECT, job_id=context.job.id, word=word)


async def slow_effect(context: JobContext, word: str = "", seconds: float = 0.0) -> None:
    """Wait, then write one row."""
    await asyncio.sleep(seconds)
    await effect(context, word)


async def failing(context: JobContext, word: str = "") -> None:
    """Write, then fail."""
    await effect(context, word)
    raise RuntimeError(f"{word}: Authorization: Bearer hunter2hunter2hunter2")


async def deciding(context: JobContext, word: str = "") -> None:
    """Write, then raise a problem of the contract."""
    await effect(context, word)
    raise NotFound


def later_twice(seconds: float) -> Any:
    """Return a flow that asks twice to be run later."""
    asked: list[UUID] = []

    async def flow(context: JobContext) -> None:
        await effect(context, "rolled back" if len(asked) < 2 else "done")
        if len(asked) < 2:
            asked.append(context.job.id)
            raise Later(seconds)

    return flow


async def nothing(_: JobContext) -> None:
    """Do nothing."""


FLOWS = {
    "effect": effect,
    "slowEffect": slow_effect,
    "failing": failing,
    "deciding": deciding,
    "nothing": nothing,
    "mailed": nothing,
}
DEFINITIONS: dict[str, dict[str, Any]] = {
    "effect": {"args": WORD},
    "slowEffect": {"args": PAUSED, "timeoutSeconds": 60},
    "failing": {"args": WORD, "maxAttempts": 3, "backoff": {"firstSeconds": 0.02, "lastSeconds": 0.05}},
    "deciding": {"args": WORD},
    "nothing": {},
    "mailed": {"queue": "mail"},
}


def declared(definitions: Mapping[str, Mapping[str, Any]]) -> list[Task]:
    """Return the tasks that a domain file with these definitions would declare."""
    return list(tasks({"x-tasks": {name: {"x-domain": "tests", **one} for name, one in definitions.items()}}))


class Job(NamedTuple):
    """A row of `jobs`, as tests look at it."""

    id: UUID
    state: str
    version: int
    attempt: int
    attempts: list[dict[str, Any]]


class Workshop:
    """A database with jobs, and runners in this process."""

    claiming: asyncio.Task[None]
    """What the newest runner does until it is stopped."""

    def __init__(self, url: str, resources: Resources) -> None:
        self.url = url
        self.resources = resources
        self.flows: dict[str, Any] = dict(FLOWS)
        self.runners: list[Runner] = []
        self._tasks: list[asyncio.Task[None]] = []

    def define(self, name: str, flow: Any, **definition: Any) -> None:
        """Add a task with its flow."""
        self.resources.tasks = Tasks([*self.resources.tasks.by_name.values(), *declared({name: definition})])
        self.flows[name] = flow

    async def enqueue(self, task: str, args: Mapping[str, Any] | None = None, **options: Any) -> UUID:
        """Enqueue in a transaction of its own."""
        context = Context(self.resources, "test", ANONYMOUS, RequestInfo("test"))

        async def flow() -> UUID:
            return await context.jobs.enqueue(task, args, **options)

        return await run_to_commit(context, flow())

    async def start(self, queues: Mapping[str, Slots] | None = None, **options: Any) -> Runner:
        """Start a runner that is woken by commits in this process."""
        slots = slots_by_queue(self.resources.tasks.by_name.values(), queues or {})
        name, options = f"test {len(self.runners)}", {"has_metrics": False, **options}
        runner = Runner(self.resources, self.flows, slots, name, **options)
        self.runners.append(runner)
        self.claiming = asyncio.create_task(runner.run())
        self._tasks += [self.claiming, asyncio.create_task(runner.renew())]
        self.resources.jobs_enqueued = lambda queues: [each.wake(queues) for each in self.runners]
        return runner

    async def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
            cursor = await connection.execute(statement.encode(), values)
            return await cursor.fetchall() if cursor.description else []

    async def job(self, job_id: UUID) -> Job:
        [row] = await self.sql("SELECT id, state, version, attempt, attempts FROM accord.jobs WHERE id = %s", job_id)
        return Job(*row)

    async def ended(self, *job_ids: UUID, seconds: float = 30.0) -> list[Job]:
        """Return the jobs once all have ended."""
        self.look()
        async with asyncio.timeout(seconds):
            while True:
                jobs = [await self.job(job_id) for job_id in job_ids]
                if all(job.state in {"completed", "dead", "cancelled"} for job in jobs):
                    return jobs
                await asyncio.sleep(0.02)
                self.look()

    def look(self) -> None:
        """Raise what ended a runner."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def drained(self, seconds: float = 60.0) -> None:
        """Return once no job waits or runs."""
        async with asyncio.timeout(seconds):
            while (
                await self.sql(
                    "SELECT 1 FROM accord.jobs WHERE state NOT IN ('completed', 'dead', 'cancelled') LIMIT 1"
                )
            ) != []:
                await asyncio.sleep(0.05)

    async def effects(self) -> list[str]:
        return [word for (word,) in await self.sql("SELECT word FROM public.effects ORDER BY id")]

    async def close(self) -> None:
        for runner in self.runners:
            await runner.stop(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def workshop(
    url: str, folder: Path, definitions: Mapping[str, Any] = DEFINITIONS, **settings: Any
) -> AsyncIterator[Workshop]:
    """Open a workshop on a database that has the tables."""
    chosen, known = Settings(data_dir=folder, **settings), Tasks(declared(definitions))
    async with opened_resources(url, folder, chosen, connections=CONNECTIONS, tasks=known) as resources:
        await database_clock.learn(resources.database.background)
        shop = Workshop(url, resources)
        await shop.sql(EFFECTS)
        try:
            yield shop
        finally:
            await shop.close()
