"""From the commit that enqueues a job to its start: idle, and at 500 jobs a second; procrastinate idle beside it."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import procrastinate

from benchmarks import jobs
from benchmarks.measure import Figure, Report, Rounds, alternate
from benchmarks.stage import POOL_SIZE, Stage

RATE = 500
"""Jobs a second in the paced run."""
CALLERS = 10
"""Enqueueing at the same time in the paced run, at most."""
PAUSE = 0.02
"""Seconds between two jobs when the runner is idle."""
TIMEOUT = 30.0
_LAGS = """
SELECT 1000 * extract(epoch FROM started_at - created_at)::double precision FROM accord.jobs WHERE state = 'completed'
"""
_PEER_LAGS = """
SELECT 1000 * extract(epoch FROM started.at - deferred.at)::double precision FROM procrastinate_events started
JOIN procrastinate_events deferred USING (job_id) WHERE started.type = 'started' AND deferred.type = 'deferred'
"""
Enqueue = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class JobsStart:
    id: str = "jobs_start"
    order: int = 22
    title: str = "Commit to the start of a job"

    def measure(self, stage: Stage) -> Report:
        url = jobs.database(stage, self.id)
        kinds = ("ours", "paced", "peer")
        rounds = alternate(
            {kind: jobs.program(stage, __name__, kind, url) for kind in kinds}, stage.effort.rounds, kinds
        )
        figures = [
            Figure("p50, idle", _p50(rounds, "ours"), None, "less", "ms"),
            Figure("p99, idle", _p99(rounds, "ours"), 25, "less", "ms"),
            Figure(f"p50 at {RATE}/s", _p50(rounds, "paced"), None, "less", "ms"),
            Figure(f"p99 at {RATE}/s", _p99(rounds, "paced"), 50, "less", "ms"),
            Figure("p50 of the peer, idle", _p50(rounds, "peer"), None, "less", "ms"),
            Figure("p99 of the peer, idle", _p99(rounds, "peer"), None, "less", "ms"),
        ]
        what = {
            "ours": f"a job, and the next {1000 * PAUSE:.0f} ms after its commit; enqueued where the runner is; p50 and"
            " p99 are of the way from the row's insertion, just before the commit, to the start",
            "paced": f"{RATE} jobs a second",
            "peer": "procrastinate's worker, idle; from the beginning of the transaction that defers to that of the"
            " fetch",
        }
        return Report(self.id, self.title, what, rounds, figures)


ROW = JobsStart()


def _p50(rounds: Rounds, name: str) -> list[float]:
    return [sample.p50 for [sample] in rounds[name]]


def _p99(rounds: Rounds, name: str) -> list[float]:
    return [sample.p99 or 0.0 for [sample] in rounds[name]]


async def _one_by_one(enqueue: Enqueue, seconds: float) -> int:
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        await enqueue()
        count += 1
        await asyncio.sleep(PAUSE)
    return count


async def _at_rate(enqueue: Enqueue, seconds: float) -> int:
    """Enqueue by the clock; a machine that is too slow enqueues fewer, and the rate in the table says so."""
    began = time.monotonic()

    async def loop(place: int) -> int:
        count = 0
        while (due := began + (count * CALLERS + place) / RATE) < began + seconds:
            if (now := time.monotonic()) >= began + seconds:
                break
            await asyncio.sleep(max(0.0, due - now))
            await enqueue()
            count += 1
        return count

    return sum(await asyncio.gather(*(loop(place) for place in range(CALLERS))))


async def _ours(task: jobs.Task, work: Callable[[Enqueue], Awaitable[None]]) -> None:
    async def nothing(context: Any, user_id: str) -> None:
        """Do nothing: the end of the job is the only write."""

    async with task.workshop({"nothing": nothing}) as shop:
        await shop.start()
        await work(lambda: shop.enqueue("nothing", jobs.ARGS))
        await shop.drained()


async def _peer(task: jobs.Task, work: Callable[[Enqueue], Awaitable[None]]) -> None:
    settings = {"options": "-c search_path=public", "prepare_threshold": 0}
    connector = procrastinate.PsycopgConnector(conninfo=task.url, kwargs=settings, min_size=2, max_size=POOL_SIZE)
    app = procrastinate.App(connector=connector)

    @app.task(name="nothing", queue="default")
    async def nothing(userId: str) -> None:  # noqa: N803 - the job's argument
        pass

    async with app.open_async():
        worker = asyncio.create_task(app.run_worker_async(concurrency=jobs.SLOTS, install_signal_handlers=False))
        await asyncio.sleep(0.2)  # It listens only after a moment, and would find the first job by polling.
        await work(lambda: nothing.defer_async(**jobs.ARGS))
        async with asyncio.timeout(TIMEOUT):
            while await task.sql("SELECT 1 FROM procrastinate_jobs WHERE status IN ('todo', 'doing') LIMIT 1") != []:
                await asyncio.sleep(0.05)
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


async def _run(kind: str) -> None:
    task = jobs.Task.told()
    run, pace = (_peer if kind == "peer" else _ours), (_at_rate if kind == "paced" else _one_by_one)
    clear = "TRUNCATE accord.jobs, procrastinate_jobs CASCADE"
    await task.sql(clear)
    seconds, done = 2 * task.seconds, []

    async def work(enqueue: Enqueue) -> None:
        await pace(enqueue, task.warm_up)
        await asyncio.sleep(0.1)
        await task.sql(clear)
        done.append(await task.measured(lambda: pace(enqueue, seconds)))

    await run(task, work)
    [(count, cpu)] = done
    lags = [lag for (lag,) in await task.sql(_PEER_LAGS if kind == "peer" else _LAGS)]
    assert len(lags) == count, f"{len(lags)} of {count} jobs ran"
    jobs.told(count / seconds, lags, cpu)


if __name__ == "__main__":
    import uvloop

    uvloop.run(_run(sys.argv[1]))
