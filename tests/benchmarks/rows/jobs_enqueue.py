"""A versioned write that enqueues a job in its commit, beside the same without, and beside procrastinate's defer."""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, bindparam, text

from accord.context import RequestInfo, SignedIn, SignedInContext
from accord.database.statement import Statement
from accord.dispatch import run_to_commit
from accord.flows.accounts.update_me import update_me
from benchmarks import jobs
from benchmarks.measure import Figure, Report, alternate, ratios
from benchmarks.stage import POOL_SIZE, Stage

CLIENTS = 4 * POOL_SIZE
"""Four times the connections, as everywhere in this row."""
NAMES = ("Ada", "Grace")
_USERS = """
INSERT INTO accord.users (id, email, email_key, password_hash, first_name, last_name, role, created_at, updated_at)
SELECT gen_random_uuid(), n, n, '', 'Ada', 'Lovelace', 'customer', clock_timestamp(), clock_timestamp()
FROM generate_series(1, %s) n
"""
_DEFER = Statement(
    text(
        "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', 'nothing', 0, NULL, NULL, CAST(:args AS jsonb), NULL)]"
        "\\:\\:procrastinate_job_to_defer_v1[]) AS ids"
    ).bindparams(bindparam("args", type_=Text))
)
_WRITTEN = """
SELECT (SELECT sum(version) FROM accord.users), (SELECT count(*) FROM accord.journal),
    (SELECT count(*) FROM accord.jobs) + (SELECT count(*) FROM procrastinate_jobs)
"""


@dataclass(frozen=True)
class JobsEnqueue:
    id: str = "jobs_enqueue"
    order: int = 20
    title: str = "A versioned write that enqueues a job"

    def measure(self, stage: Stage) -> Report:
        url = jobs.database(stage, self.id)
        runs = {kind: jobs.program(stage, __name__, kind, url) for kind in ("limit", "ours", "peer")}
        rounds = alternate(runs, stage.effort.rounds)
        figures = [
            Figure("ours ÷ limit", ratios(rounds, "ours", "limit"), 0.85),
            Figure("ours ÷ peer", ratios(rounds, "ours", "peer"), 2),
        ]
        what = {
            "limit": f"the flow of PATCH /me and its journal entry, one commit, {CLIENTS} callers, no HTTP, no job",
            "ours": "the same, and context.jobs.enqueue",
            "peer": "the same, and procrastinate's SQL function of a defer, sent along with the commit",
        }
        note = "Each write raised its version by one, and has its journal entry and its job: checked after every run."
        return Report(self.id, self.title, what, rounds, figures, [note])


ROW = JobsEnqueue()


async def _with_job(context: SignedInContext, body: Any) -> None:
    await update_me(context, body)
    await context.jobs.enqueue("nothing", jobs.ARGS)


async def _with_deferred(context: SignedInContext, body: Any) -> None:
    await update_me(context, body)
    context.tx.with_commit(_DEFER, args=json.dumps(jobs.ARGS))


FLOWS: dict[str, Any] = {"limit": update_me, "ours": _with_job, "peer": _with_deferred}


class Client:
    """A caller who changes their own account again and again."""

    def __init__(self, resources: Any, flow: Any, user_id: str, version: int) -> None:
        self._resources, self._flow = resources, flow
        self._caller, self.version = SignedIn.user(user_id, "customer", None), version
        self.milliseconds: list[float] = []

    async def write_until(self, end: float) -> int:
        count = 0
        while (began := time.perf_counter()) < end:
            context = SignedInContext(self._resources, "updateMe", self._caller, RequestInfo("0" * 32))
            body = {"expectedVersion": self.version, "firstName": NAMES[self.version % 2]}
            await run_to_commit(context, self._flow(context, body))
            self.version += 1
            self.milliseconds.append(1000 * (time.perf_counter() - began))
            count += 1
        return count


async def _write(kind: str) -> None:
    task = jobs.Task.told()
    if await task.sql("SELECT 1 FROM accord.users LIMIT 1") == []:
        await task.sql(_USERS, CLIENTS)
    await task.sql("TRUNCATE accord.jobs, procrastinate_jobs CASCADE")
    [(versions, entries, _)] = await task.sql(_WRITTEN)
    users = await task.sql("SELECT id::text, version FROM accord.users")
    async with task.workshop({"nothing": None}) as shop:
        clients = [Client(shop.resources, FLOWS[kind], *user) for user in users]

        async def work(seconds: float = task.seconds) -> int:
            end = time.perf_counter() + seconds
            return sum(await asyncio.gather(*(client.write_until(end) for client in clients)))

        warm = await work(task.warm_up)
        for client in clients:
            client.milliseconds.clear()
        count, cpu = await task.measured(work)
    total = warm + count
    expected = (versions + total, entries + total, 0 if kind == "limit" else total)
    assert await task.sql(_WRITTEN) == [expected], f"{await task.sql(_WRITTEN)} is not {expected}"
    jobs.told(count / task.seconds, [one for client in clients for one in client.milliseconds], cpu)


if __name__ == "__main__":
    import uvloop

    uvloop.run(_write(sys.argv[1]))
