"""Jobs a second, each with one durable write: the runner, beside bare loops of psycopg, and beside procrastinate."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import procrastinate
import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Text, bindparam, text

from accord.database.statement import Statement
from accord.queue import ending
from benchmarks import jobs
from benchmarks.measure import Figure, Report, alternate, ratios
from benchmarks.stage import POOL_SIZE, Stage

ORDER = ("limit", "ours", "ours", "limit", "shortest", "peer")
BACKLOG = {"limit": 10_000, "ours": 15_000, "shortest": 10_000, "peer": 3_000}
"""Jobs for each second: more than anybody has done here, so that the queue never runs dry."""
QUEUE = "default"

_EFFECTS = "CREATE TABLE IF NOT EXISTS public.effects (job_id text NOT NULL, at timestamptz DEFAULT clock_timestamp())"
_ADD_EFFECT = Statement(
    text("INSERT INTO public.effects (job_id) VALUES (:job_id)").bindparams(bindparam("job_id", type_=Text))
)
_FILL = """
INSERT INTO accord.jobs (id, task, queue, state, is_ready, run_at, request_id, args)
SELECT gen_random_uuid(), 'effect', 'default', 'queued', true, clock_timestamp(), 'benchmark', %s
FROM generate_series(1, %s)
"""
_FILL_PEER = """
INSERT INTO procrastinate_jobs (queue_name, task_name, args)
SELECT 'default', 'effect', %s FROM generate_series(1, %s)
"""
_BETWEEN = "SELECT count(*) FROM public.effects WHERE at >= to_timestamp(%s) AND at < to_timestamp(%s)"
_ONCE = """
SELECT count(*) - count(DISTINCT job_id), count(*) - (
    (SELECT count(*) FROM accord.jobs WHERE state = 'completed')
    + (SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded')
) FROM public.effects
"""
_TOOK = """
SELECT 1000 * extract(epoch FROM ended_at - started_at)::double precision
FROM accord.jobs WHERE state = 'completed'
"""
_PEER_TOOK = """
SELECT 1000 * extract(epoch FROM ended.at - started.at)::double precision FROM procrastinate_events ended
JOIN procrastinate_events started USING (job_id) WHERE ended.type = 'succeeded' AND started.type = 'started'
"""


@dataclass(frozen=True)
class JobsThroughput:
    id: str = "jobs_throughput"
    order: int = 21
    title: str = "Jobs, each one durable write and finished in its commit"

    def measure(self, stage: Stage) -> Report:
        url = jobs.database(stage, self.id)
        rounds = alternate(
            {kind: jobs.program(stage, __name__, kind, url) for kind in BACKLOG}, stage.effort.rounds, ORDER
        )
        figures = [
            Figure("ours ÷ limit", ratios(rounds, "ours", "limit"), 1.0),
            Figure("ours ÷ limit without a lease", ratios(rounds, "ours", "shortest")),
            Figure("ours ÷ peer", ratios(rounds, "ours", "peer"), 5),
        ]
        what = {
            "limit": f"{jobs.SLOTS} loops of psycopg: a claim with a lease in a commit of its own, as ours has; then"
            " write and end in one",
            "ours": f"the runner of accord serve, {jobs.SLOTS} slots, {POOL_SIZE} connections",
            "shortest": f"{jobs.SLOTS} loops of psycopg: claim, write and end in one commit; nobody sees a job run, and"
            " none can be cancelled or fenced",
            "peer": f"procrastinate's worker, concurrency {jobs.SLOTS}; write and end in commits of their own",
        }
        note = "Each job that ended has one effect, and each effect its job: checked after every run."
        return Report(self.id, self.title, what, rounds, figures, [note])


ROW = JobsThroughput()


async def _ours(task: jobs.Task, work: Callable[[], Awaitable[None]]) -> None:
    async def effect(context: Any, user_id: str) -> None:  # noqa: ARG001 - the argument that every job has
        await context.tx.run(_ADD_EFFECT, job_id=str(context.job.id))

    async with task.workshop({"effect": effect}) as shop:
        runner = await shop.start()
        await work()
        await runner.stop(30)


_CLAIM = """
UPDATE accord.jobs SET state = 'running', is_ready = false, attempt = attempt + 1, version = version + 1,
    started_at = clock_timestamp(), lease_seconds = 30, worker = 'benchmark',
    lease_until = clock_timestamp() + interval '30 seconds'
WHERE id = (
    SELECT id FROM accord.jobs WHERE is_ready AND NOT is_blocked AND queue = $1 AND share = ''
    ORDER BY priority DESC, run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id, version, args
"""


async def _bare(task: jobs.Task, work: Callable[[], Awaitable[None]], *, has_lease: bool) -> None:
    """Claim, write and end with Accord's own statements of write and end, in 20 loops with a connection each."""
    is_over = False
    add, end = _ADD_EFFECT.sql.decode(), ending._COMPLETE
    told: dict[str, Any] = {"result": Jsonb(None), "outcome": "ok", "error": None}

    async def loop(connection: psycopg.AsyncConnection[Any]) -> None:
        cursor = connection.cursor()
        while not is_over:
            if not has_lease:
                await cursor.execute("BEGIN")
            [(job_id, version, _)] = await (await cursor.execute(_CLAIM, [QUEUE])).fetchall()
            if has_lease:
                await cursor.execute("BEGIN")
            await cursor.execute(add, [str(job_id)])
            values = told | {"id": job_id, "version": version}
            await cursor.execute(end.sql, [values[name] for name in end._names])
            await cursor.execute("COMMIT")

    settings: dict[str, Any] = {
        "autocommit": True,
        "prepare_threshold": 0,
        "cursor_factory": psycopg.AsyncRawCursor,
        "options": "-c search_path=public",
    }
    connections = [await psycopg.AsyncConnection.connect(task.url, **settings) for _ in range(jobs.SLOTS)]
    loops = [asyncio.create_task(loop(connection)) for connection in connections]
    await work()
    is_over = True
    await asyncio.gather(*loops)
    for connection in connections:
        await connection.close()


async def _peer(task: jobs.Task, work: Callable[[], Awaitable[None]]) -> None:
    settings = {"options": "-c search_path=public", "prepare_threshold": 0}
    connector = procrastinate.PsycopgConnector(conninfo=task.url, kwargs=settings, min_size=2, max_size=POOL_SIZE)
    app = procrastinate.App(connector=connector)
    pool = AsyncConnectionPool(
        task.url, min_size=2, max_size=POOL_SIZE, open=False, kwargs=settings | {"autocommit": True}
    )

    @app.task(name="effect", pass_context=True)
    async def effect(context: procrastinate.JobContext, userId: str) -> None:  # noqa: ARG001, N803 - the job's argument
        async with pool.connection() as connection:
            await connection.execute("INSERT INTO public.effects (job_id) VALUES (%s)", [str(context.job.id)])

    async with app.open_async(), pool:
        worker = asyncio.create_task(
            app.run_worker_async(queues=[QUEUE], concurrency=jobs.SLOTS, install_signal_handlers=False)
        )
        await work()
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


async def _run(kind: str) -> None:
    task = jobs.Task.told()
    await task.sql(_EFFECTS)
    await task.sql("TRUNCATE accord.jobs, public.effects, procrastinate_jobs CASCADE")
    backlog = round(BACKLOG[kind] * (task.seconds + task.warm_up))
    await task.sql(_FILL_PEER if kind == "peer" else _FILL, Jsonb(jobs.ARGS), backlog)
    await task.sql("VACUUM ANALYZE accord.jobs, procrastinate_jobs")
    done: list[tuple[int, dict[str, float]]] = []

    async def counted() -> int:
        began = time.time()
        await asyncio.sleep(task.seconds)
        ended = time.time()
        [(count,)] = await task.sql(_BETWEEN, began, ended)
        return count

    async def work() -> None:
        await asyncio.sleep(task.warm_up)
        done.append(await task.measured(counted))

    match kind:
        case "ours":
            await _ours(task, work)
        case "peer":
            await _peer(task, work)
        case _:
            await _bare(task, work, has_lease=kind == "limit")
    assert await task.sql(_ONCE) == [(0, 0)], "a job without its effect, or with two"
    [(ended_jobs,)] = await task.sql("SELECT count(*) FROM public.effects")
    assert ended_jobs < backlog, f"{kind} did {ended_jobs} jobs: the queue ran dry"
    [(count, cpu)] = done
    took = [one for (one,) in await task.sql(_PEER_TOOK if kind == "peer" else _TOOK)]
    jobs.told(count / task.seconds, took, cpu)


if __name__ == "__main__":
    import uvloop

    uvloop.run(_run(sys.argv[1]))
