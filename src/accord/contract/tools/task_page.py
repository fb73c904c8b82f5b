"""docs/tasks.md, which is generated from the contract."""

from collections.abc import Mapping
from typing import Any

from accord.contract.tasks import Every, Task, tasks
from accord.contract.tools.tables import table

_PAGE = """# Tasks

This file is generated: `nox -s generate`.

A job is one run of a task. The file of a domain declares its tasks below `x-tasks`;
[extensions](extensions.md#x-tasks) has every member. The flow of a task is `src/accord/flows/<domain>/job_<name>.py`,
with the name in snake_case; [adding a job](guides/adding-a-job.md) shows how to write one.

{tasks}"""
_HEADS = ["task", "domain", "a job", "queue", "attempts", "waits between attempts", "timeout", "schedule"]


def page(document: Mapping[str, Any]) -> str:
    """Return the page: each task with its domain, its queue, its attempts and its schedule."""
    found = sorted(tasks(document), key=lambda task: (task.domain, task.name))
    return _PAGE.format(tasks=table(_HEADS, map(_row, found)) if found else "No domain has a task.\n")


def _row(task: Task) -> list[str]:
    waits = f"{_seconds(task.first_seconds)} to {_seconds(task.last_seconds)}" if task.max_attempts > 1 else ""
    return [
        f"`{task.name}`",
        task.domain,
        task.definition["summary"],
        f"`{task.queue}`",
        str(task.max_attempts),
        waits,
        _seconds(task.timeout_seconds),
        _schedule(task.every),
    ]


def _seconds(seconds: float) -> str:
    return f"{seconds:g} s"


def _schedule(every: Every | None) -> str:
    return "" if every is None else f"`{every.cron}` in {every.zone}"
