"""Jobs that tests work with: rows in a queue that no runner takes, with random ids."""

import json
from typing import Any
from uuid import UUID, uuid4

from given import Account, Given

from accord.contract import bundle
from accord.contract.tasks import tasks

SCHEDULES = [task.name for task in tasks(bundle.load()) if task.every is not None]
QUEUES = {task.queue for task in tasks(bundle.load())}
COLUMNS = {
    "scheduled": {"is_ready": False},
    "queued": {"is_ready": True},
    "retrying": {"is_ready": False, "attempt": 1},
    "running": {"is_ready": False, "attempt": 1, "lease_seconds": 86_400, "worker": "a worker"},
}


async def job(owner: Account, /) -> dict[str, Any]:
    """Return a job of the owner's that waits for next year."""
    return {"id": await a_job(owner.given, owner_id=owner.id), "version": 1}


async def a_job(given: Given, state: str = "scheduled", **columns: Any) -> str:
    """Write a job in this state, of nobody unless an owner is given; return its id."""
    columns = (
        {
            "id": str(uuid4()),
            "task": "testTask",
            "queue": "tests",
            "state": state,
            "request_id": "test",
            "args": {},
            "is_ready": False,
        }
        | COLUMNS.get(state, {})
        | columns
    )
    times = {"run_at": "now() + interval '300 days'" if state in {"scheduled", "retrying"} else "now()"}
    if state == "running":
        times |= {"started_at": "now()", "lease_until": "now() + interval '20 hours'"}
    if state not in COLUMNS:
        times |= {"started_at": "now()", "ended_at": "now()"}
    times = {name: sql for name, sql in times.items() if name not in columns}
    values = [json.dumps(value) if isinstance(value, dict | list) else value for value in columns.values()]
    names, marks = [*columns, *times], [*("%s" for _ in columns), *times.values()]
    if columns["queue"] not in QUEUES:
        # A paused queue tells nobody that its jobs wait.
        await given.sql(
            "INSERT INTO accord.queues (name, paused) VALUES (%s, true) ON CONFLICT DO NOTHING", columns["queue"]
        )
    await given.sql(
        f"INSERT INTO accord.jobs ({', '.join(names)}) VALUES ({', '.join(marks)})",  # noqa: S608 - the names above
        *values,
    )
    return columns["id"]


async def columns_of(given: Given, job_id: str, *names: str) -> tuple[Any, ...]:
    """Return these columns of a job."""
    [row] = await given.sql(f"SELECT {', '.join(names)} FROM accord.jobs WHERE id = %s", UUID(job_id))  # noqa: S608
    return row


async def queue_name(owner: Account, /) -> dict[str, Any]:
    """Return a queue of a test's own, which an operator knows and no task names."""
    name = f"test{uuid4().hex}"
    await owner.given.sql("INSERT INTO accord.queues (name) VALUES (%s)", name)
    return {"id": name, "version": 1}


async def schedule_name(_owner: Account, /) -> dict[str, Any]:
    """Return a schedule of the contract."""
    return {"id": SCHEDULES[0]}
