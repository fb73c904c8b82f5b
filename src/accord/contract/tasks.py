"""The tasks of the contract: what a job may be of, and how its attempts are made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from accord.contract.names import snake_case
from accord.contract.operations import Operation, asynchronous

DEFAULT_QUEUE = "default"
OPERATIONS_QUEUE = "operations"
"""The queue of operations: they take long, and mails must not wait behind them."""
MAX_ATTEMPTS = 5
TIMEOUT_SECONDS = 60
OPERATION_TIMEOUT_SECONDS = 900
FIRST_SECONDS, LAST_SECONDS = 1, 300
"""Seconds before the second attempt, which double with each further one, up to the last."""


@dataclass(frozen=True, slots=True)
class Every:
    """The schedule of a task: a cron expression in a time zone of the IANA database."""

    cron: str
    zone: str
    catch_up_seconds: int | None = None
    """How old a missed due time may be that still runs; None is one period, at most a day."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task of `x-tasks`, whose flow takes the properties of the arguments' schema as keywords, or an operation."""

    name: str
    domain: str
    queue: str
    max_attempts: int
    timeout_seconds: int
    first_seconds: float
    """Seconds before the second attempt; doubled for each further one."""
    last_seconds: float
    """The most seconds between two attempts, without jitter."""
    every: Every | None
    args_schema: dict[str, Any]
    definition: dict[str, Any] = field(repr=False, compare=False, hash=False)
    is_operation: bool = False
    """Whether its jobs run the operation of the same name, which has `x-async`."""

    @property
    def flow_name(self) -> str:
        """The module and the function of the task: `cleanUpExpired` → `job_clean_up_expired`."""
        return snake_case(self.name) if self.is_operation else f"job_{snake_case(self.name)}"

    @property
    def arguments(self) -> set[str]:
        """The keywords that the flow is called with."""
        return {snake_case(name) for name in self.args_schema.get("properties", {})}

    def backoff(self, attempts: int) -> float:
        """Return the seconds to wait after so many attempts, without jitter."""
        return float(min(self.first_seconds * 2 ** min(attempts - 1, 40), self.last_seconds))


def tasks(bundle: Mapping[str, Any]) -> Iterator[Task]:
    """Yield every task of the bundle: those of `x-tasks`, and each operation with `x-async`."""
    for name, definition in bundle.get("x-tasks", {}).items():
        backoff, every = definition.get("backoff", {}), definition.get("every")
        yield Task(
            name=name,
            domain=definition["x-domain"],
            queue=definition.get("queue", DEFAULT_QUEUE),
            max_attempts=definition.get("maxAttempts", MAX_ATTEMPTS),
            timeout_seconds=definition.get("timeoutSeconds", TIMEOUT_SECONDS),
            first_seconds=backoff.get("firstSeconds", FIRST_SECONDS),
            last_seconds=backoff.get("lastSeconds", LAST_SECONDS),
            every=None if every is None else Every(every["cron"], every["zone"], every.get("catchUpSeconds")),
            args_schema=definition.get("args", {"type": "object", "additionalProperties": False}),
            definition=definition,
        )
    yield from map(_of_operation, asynchronous(bundle))


def _of_operation(operation: Operation) -> Task:
    """Return the task whose jobs run the operation; the arguments are the keywords of the operation's flow."""
    known = operation.definition["x-async"]
    properties = {p.argument: p.schema for p in operation.parameters if p.argument in operation.arguments}
    if operation.body_schema is not None:
        properties["body"] = operation.body_schema
    return Task(
        name=operation.id,
        domain=operation.domain,
        queue=known.get("queue", OPERATIONS_QUEUE),
        max_attempts=MAX_ATTEMPTS,
        timeout_seconds=known.get("timeoutSeconds", OPERATION_TIMEOUT_SECONDS),
        first_seconds=FIRST_SECONDS,
        last_seconds=LAST_SECONDS,
        every=None,
        args_schema={"type": "object", "additionalProperties": False, "properties": properties},
        definition=operation.definition,
        is_operation=True,
    )
