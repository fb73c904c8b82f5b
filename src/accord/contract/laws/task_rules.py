"""The laws of tasks that openapi/extensions.schema.json cannot state."""

import re
from collections.abc import Iterator

from accord.contract.due_times import mistake
from accord.contract.laws.document import Json, operations, reachable
from accord.contract.tasks import tasks

_secret = re.compile(r"password|secret|token|hash", re.IGNORECASE).search
_reserved = re.compile(r"(job|on|after)[A-Z]").match


def stores_no_secret(bundle: Json) -> Iterator[str]:
    """Arguments are stored as they are, and operators see them."""
    for task in tasks(bundle):
        for where, schema in reachable(bundle, f"task {task.name}, args", task.args_schema, set()):
            for name in schema.get("properties", {}):
                if _secret(name):
                    yield f"{where}: arguments are stored; replace {name} by an id, and let the job make the secret."


def runs_on_its_schedule(bundle: Json) -> Iterator[str]:
    """A schedule enqueues without arguments."""
    for task in tasks(bundle):
        required = task.args_schema.get("required")
        if task.every is not None and required:
            yield f"task {task.name}: a schedule gives no {', '.join(required)}; require no argument, or remove every."


def has_a_schedule_that_comes(bundle: Json) -> Iterator[str]:
    """A schedule has due times, in a time zone that exists."""
    for task in tasks(bundle):
        if task.every is not None and (wrong := mistake(task.every)) is not None:
            yield f"task {task.name}, every: {wrong}"


def waits_longer_each_time(bundle: Json) -> Iterator[str]:
    """A last wait below the first would shorten the first."""
    for task in tasks(bundle):
        if task.last_seconds < task.first_seconds:
            yield (
                f"task {task.name}: lastSeconds of its backoff is {task.last_seconds:g};"
                f" make it at least firstSeconds, {task.first_seconds:g}."
            )


def leaves_their_names_to_jobs(bundle: Json) -> Iterator[str]:
    """`job_…`, `on_…` and `after_…` are the files of tasks and reactions."""
    for operation in operations(bundle):
        if found := _reserved(operation.definition.get("operationId", "")):
            yield f"{operation.where}: {found[1]}_… is the file of a task or a reaction; rename the operation."


RULES = (
    stores_no_secret,
    runs_on_its_schedule,
    has_a_schedule_that_comes,
    waits_longer_each_time,
    leaves_their_names_to_jobs,
)
