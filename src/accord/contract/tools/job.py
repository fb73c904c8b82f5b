"""`accord new --job`: what the files of a new task have in the places of their templates."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accord.contract.due_times import mistake
from accord.contract.names import snake_case
from accord.contract.tasks import Every
from accord.contract.tools.rendering import rendered
from accord.contract.tools.sources import Source

TEMPLATES = Path(__file__).parent / "job_templates"
WITH_A_SCHEDULE = Path(__file__).parent / "schedule_templates"

_task_name = re.compile(r"[a-z][a-zA-Z0-9]{0,62}").fullmatch


@dataclass(frozen=True, slots=True)
class JobPlan:
    """The task to make; one with a schedule has no arguments."""

    domain: str
    task: str
    every: Every | None = None

    @property
    def templates(self) -> Path:
        """The folder of its templates."""
        return TEMPLATES if self.every is None else WITH_A_SCHEDULE

    @property
    def flow_name(self) -> str:
        """`remindOfNote` → `job_remind_of_note`."""
        return f"job_{snake_case(self.task)}"

    @property
    def words(self) -> str:
        """`remindOfNote` → `remind of note`."""
        return snake_case(self.task).replace("_", " ")


def problems(plan: JobPlan, sources: Sequence[Source]) -> list[str]:
    """Return why the task cannot have this name or this schedule."""
    if not _task_name(plan.task):
        return ["The name of a task is camelCase, like remindOfNote."]
    if plan.every is not None and (wrong := mistake(plan.every)) is not None:
        return [f"task {plan.task}, every: {wrong}"]
    taken = (source.name for source in sources if plan.task in source.tasks)
    return [f"The task {plan.task} is in {name}; choose another name." for name in taken]


def fragment(plan: JobPlan) -> str:
    """Return the task as it stands in a domain file."""
    return rendered(plan.templates / "task.yaml.tmpl", _values(plan))


def files(plan: JobPlan, repository: Path) -> dict[Path, str]:
    """Return the flow and its test."""
    flow = repository / "src" / "accord" / "flows" / plan.domain / f"{plan.flow_name}.py"
    test = repository / "tests" / "flows" / plan.domain / f"test_{plan.flow_name}.py"
    return {
        flow: rendered(plan.templates / "flow.py.tmpl", _values(plan)),
        test: rendered(plan.templates / "test.py.tmpl", _values(plan)),
    }


def _values(plan: JobPlan) -> dict[str, str | list[str]]:
    values: dict[str, str | list[str]] = {
        "task": plan.task,
        "flow": plan.flow_name,
        "words": plan.words.capitalize(),
        "event": plan.words,
    }
    return values if plan.every is None else values | {"cron": plan.every.cron, "zone": plan.every.zone}
