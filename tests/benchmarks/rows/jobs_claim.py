"""One claim beside 100,000 later jobs and 100,000 ready ones of one share, and the claim on an empty queue."""

import sys
import time
from dataclasses import dataclass

import psycopg
from psycopg.types.json import Jsonb
from sqlalchemy import text

from accord.database.connection import Call
from accord.database.database import Database
from accord.database.statement import Statement
from accord.queue import slots
from accord.queue.claiming import CLAIM, LOCK_QUEUE
from benchmarks import jobs
from benchmarks.measure import Figure, Report, Rounds, alternate
from benchmarks.stage import Stage

MANY = 100_000
OTHERS = 50
"""Other shares; each has as many jobs ready as a queue has slots."""
ORDER = ("empty", "ours", "ours", "empty", "peer_empty", "peer")
_FILL = """
INSERT INTO accord.jobs (id, task, queue, state, is_ready, run_at, share, request_id, args)
SELECT gen_random_uuid(), 'nothing', 'default', %s, %s, clock_timestamp() + make_interval(secs => %s),
    %s || (n %% %s)::text, 'benchmark', %s
FROM generate_series(1, %s) n
"""
_FILL_PEER = """
INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at)
SELECT 'default', 'nothing', %s, CASE WHEN %s > 0 THEN now() + make_interval(secs => %s) END FROM generate_series(1, %s)
"""
_BEGIN: Call = (Statement(text("BEGIN ISOLATION LEVEL READ COMMITTED")), {})
_ROLLBACK: Call = (Statement(text("ROLLBACK")), {})


@dataclass(frozen=True)
class JobsClaim:
    id: str = "jobs_claim"
    order: int = 23
    title: str = f"A claim of {jobs.SLOTS} jobs beside {MANY:,} later ones and {MANY:,} of one share"

    def measure(self, stage: Stage) -> Report:
        empty, full = (jobs.database(stage, f"{self.id}_{kind}") for kind in ("empty", "full"))
        _fill(empty, full)
        runs = {
            "empty": jobs.program(stage, __name__, "empty", empty),
            "ours": jobs.program(stage, __name__, "ours", full),
            "peer_empty": jobs.program(stage, __name__, "peer", empty),
            "peer": jobs.program(stage, __name__, "peer", full),
        }
        rounds = alternate(runs, stage.effort.rounds, ORDER)
        figures = [
            Figure("time ÷ time on an empty queue", _times(rounds, "ours", "empty"), 3, "less"),
            Figure("the same of the peer", _times(rounds, "peer", "peer_empty"), None, "less"),
        ]
        what = {
            "empty": f"the claim where {jobs.SLOTS} jobs wait, and no others",
            "ours": f"the claim with {MANY:,} later jobs, {MANY:,} ready in one share, and {OTHERS} other shares",
            "peer_empty": f"procrastinate's fetch of one job where {jobs.SLOTS} wait",
            "peer": f"procrastinate's fetch of one job with {MANY:,} scheduled ones before {MANY:,} that are ready",
        }
        note = "Each claim is rolled back, so that the next finds the same; the time is without that of a commit."
        return Report(self.id, self.title, what, rounds, figures, [note])


ROW = JobsClaim()


def _times(rounds: Rounds, above: str, below: str) -> list[float]:
    def mean(name: str, number: int) -> float:
        samples = rounds[name][number]
        return sum(sample.p50 for sample in samples) / len(samples)

    return [mean(above, number) / mean(below, number) for number in range(len(rounds[above]))]


def _fill(empty: str, full: str) -> None:
    args, hour = Jsonb(jobs.ARGS), 3600
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(_FILL, ["queued", True, 0, "", 1, args, jobs.SLOTS])
        connection.execute("UPDATE accord.jobs SET share = ''")
        connection.execute(_FILL_PEER, [args, 0, 0, jobs.SLOTS])
        connection.execute("VACUUM ANALYZE")
    with psycopg.connect(full, autocommit=True) as connection:
        connection.execute(_FILL, ["scheduled", False, hour, "large", 1, args, MANY])
        connection.execute(_FILL, ["queued", True, 0, "large", 1, args, MANY])
        connection.execute(_FILL, ["queued", True, 0, "other", OTHERS, args, OTHERS * jobs.SLOTS])
        connection.execute(_FILL_PEER, [args, hour, hour, MANY])
        connection.execute(_FILL_PEER, [args, 0, 0, MANY])
        connection.execute("VACUUM ANALYZE")


async def _claim(task: jobs.Task) -> None:
    limits = slots.DEFAULT
    claim: Call = (
        CLAIM,
        {
            "queue": "default",
            "slots": limits.all,
            "share_limit": limits.share_limit,
            "wanted": jobs.SLOTS,
            "lease": 30,
            "worker": "benchmark",
            "tasks": ["nothing"],
            "after": "",
        },
    )
    database = Database(task.url, 2)
    await database.open()
    taken: list[float] = []
    async with database.connection() as connection:

        async def work(seconds: float = task.seconds) -> int:
            end, count = time.monotonic() + seconds, 0
            while time.monotonic() < end:
                began = time.perf_counter()
                outcomes = await connection.run(_BEGIN, (LOCK_QUEUE, {"queue": "default"}), claim, _ROLLBACK)
                taken.append(1000 * (time.perf_counter() - began))
                assert len(outcomes[2].rows) == jobs.SLOTS, f"{len(outcomes[2].rows)} jobs were claimed"
                count += 1
            return count

        await work(task.warm_up)
        taken.clear()
        count, cpu = await task.measured(work)
    await database.close()
    jobs.told(count / task.seconds, taken, cpu)


async def _fetch(task: jobs.Task) -> None:
    fetch = "SELECT id FROM procrastinate_fetch_job_v2(NULL, NULL)"
    settings = {"options": "-c search_path=public", "prepare_threshold": 0}
    taken: list[float] = []
    async with await psycopg.AsyncConnection.connect(task.url, **settings) as connection:

        async def work(seconds: float = task.seconds) -> int:
            end, count = time.monotonic() + seconds, 0
            while time.monotonic() < end:
                began = time.perf_counter()
                [(job_id,)] = await (await connection.execute(fetch)).fetchall()
                await connection.rollback()
                taken.append(1000 * (time.perf_counter() - began))
                assert job_id is not None
                count += 1
            return count

        await work(task.warm_up)
        taken.clear()
        count, cpu = await task.measured(work)
    jobs.told(count / task.seconds, taken, cpu)


if __name__ == "__main__":
    import uvloop

    task = jobs.Task.told()
    uvloop.run(_fetch(task) if sys.argv[1] == "peer" else _claim(task))
