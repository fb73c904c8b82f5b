"""The laws of operations that a job can run, with `x-async`, that openapi/extensions.schema.json cannot state."""

from collections.abc import Iterator

from accord.contract.implied_responses import ASYNCHRONOUS_PARAMETERS
from accord.contract.laws.document import Json, operations
from accord.contract.operations import ACCEPTED


def has_a_caller(bundle: Json) -> Iterator[str]:
    """The job belongs to the caller, who reads it, and whose permission is checked again."""
    for operation in operations(bundle):
        if "x-async" in operation.definition and "x-permission" not in operation.definition:
            yield f"{operation.where}: a job belongs to its caller; name an x-permission, or remove x-async."


def responds_with_the_job_alone(bundle: Json) -> Iterator[str]:
    """A stream has no end to put on a job, and a cache would give the job of one request to the next."""
    for operation in operations(bundle):
        for other in ("x-stream", "x-cache-control"):
            if {"x-async", other} <= operation.definition.keys():
                yield f"{operation.where}: it has x-async and {other}; remove one of the two."
        if "x-async" not in operation.definition and str(ACCEPTED) in operation.responses:
            yield f"{operation.where}: {ACCEPTED} is the response with a job; give it x-async, or another status."


def takes_the_preference(bundle: Json) -> Iterator[str]:
    """A client asks for the job, and a repeated request gets the same one."""
    for operation in operations(bundle):
        names = {parameter.get("name") for parameter in operation.parameters}
        for name in sorted(ASYNCHRONOUS_PARAMETERS.keys() - names) if "x-async" in operation.definition else ():
            yield f"{operation.where}: accept the header {name}; `accord contract generate` adds it."


def is_a_task_of_its_own(bundle: Json) -> Iterator[str]:
    """The jobs of an operation are those of the task that has its name."""
    for operation in operations(bundle):
        name = operation.definition.get("operationId")
        if "x-async" in operation.definition and name in bundle.get("x-tasks", {}):
            yield f"{operation.where}: its jobs have its name, and so has a task; rename one of the two."


RULES = (has_a_caller, responds_with_the_job_alone, takes_the_preference, is_a_task_of_its_own)
