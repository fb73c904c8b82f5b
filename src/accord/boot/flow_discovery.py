"""Finds the flow of each operation and each task by its name, and every file that does not fit the contract (C-3)."""

import importlib
import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from accord.boot import import_errors
from accord.context import Context, JobContext, SignedInContext
from accord.contract.names import NOUNS, REACTIONS, snake_case
from accord.contract.operations import Operation
from accord.contract.tasks import Task
from accord.dispatch import Flow

FLOWS = Path(__file__).parents[1] / "flows"


class FoundFlows(NamedTuple):
    """The flows by operationId and by the name of their task, and every difference between contract and folder."""

    of_operations: dict[str, Flow]
    of_tasks: dict[str, Flow]
    problems: list[str]


def find_flows(operations: Iterable[Operation], tasks: Iterable[Task] = (), folder: Path = FLOWS) -> FoundFlows:
    """Return the flow of each operation and each task, and every difference between contract and folder (C-3)."""
    problems: list[str] = []
    named = {operation.id: operation for operation in operations}
    of_operations = _imported(named, folder, problems)
    for operation_id, flow in of_operations.items():
        problems.extend(_signature_problems(named[operation_id], flow))
    known = {task.name: task for task in tasks if not task.is_operation}
    of_tasks = _imported(known, folder, problems)
    for name, flow in of_tasks.items():
        problems.extend(_job_signature_problems(known[name], flow))
    expected = {_file(folder, user) for user in (*named.values(), *known.values())}
    problems.extend(_orphans(folder, expected))
    return FoundFlows(of_operations, of_tasks, problems)


def _file(folder: Path, user: Operation | Task) -> Path:
    return folder / user.domain / f"{user.flow_name}.py"


def _imported(users: Mapping[str, Operation | Task], folder: Path, problems: list[str]) -> dict[str, Flow]:
    """Return the flows that are there, and add a problem for each that is not."""
    flows: dict[str, Flow] = {}
    for name, user in users.items():
        file = _file(folder, user)
        if not file.exists():
            problems.append(f"{name}: has no flow; write src/accord/flows/{user.domain}/{file.name}")
            continue
        try:
            module = importlib.import_module(f"accord.flows.{user.domain}.{user.flow_name}")
        except Exception as error:  # noqa: BLE001 - the other problems are reported, too, whatever the module raises
            here = f"flows/{user.domain}/{file.name}"
            place, reason = import_errors.told(error) or (here, f"{type(error).__name__}: {error}")
            problem = f"{place} cannot be imported: {reason}"
            # A problem that several flows share is reported once.
            if not any(told.endswith(problem) for told in problems):
                problems.append(f"{name}: {problem}")
            continue
        flow = getattr(module, user.flow_name, None)
        if flow is None or not inspect.iscoroutinefunction(flow):
            problems.append(f"{name}: {file.name} must define `async def {user.flow_name}(context, …)`")
            continue
        flows[name] = flow
    return flows


def _signature_problems(operation: Operation, flow: Flow) -> Iterable[str]:
    parameters = inspect.signature(flow).parameters
    takes = parameters.keys() - {"context"}
    context = Context if operation.permission is None else SignedInContext
    if "context" in parameters and parameters["context"].annotation not in {context, context.__name__}:
        has = "has no" if operation.permission is None else "has an"
        yield f"{operation.id}: its flow must take `context: {context.__name__}`, as the operation {has} x-permission"
    if takes != operation.arguments:
        yield f"{operation.id}: its flow takes {sorted(takes)}, the contract gives {sorted(operation.arguments)}"


def _job_signature_problems(task: Task, flow: Flow) -> Iterable[str]:
    parameters = dict(inspect.signature(flow).parameters)
    context = next(iter(parameters.values()), None)
    if context is None or context.name != "context" or context.annotation not in {JobContext, JobContext.__name__}:
        yield f"{task.name}: the first parameter of its flow must be `context: JobContext`"
    parameters.pop("context", None)
    if parameters.keys() != task.arguments:
        yield f"{task.name}: its flow takes {sorted(parameters)}, the contract gives {sorted(task.arguments)}"
    required = {snake_case(name) for name in task.args_schema.get("required", ())}
    for parameter in parameters.values():
        if parameter.name in task.arguments - required and parameter.default is inspect.Parameter.empty:
            yield f"{task.name}: its flow must give {parameter.name} a default, as a job may lack the argument"


def _orphans(folder: Path, expected: set[Path]) -> Iterable[str]:
    for file in sorted(folder.glob("*/*.py")):
        carries_one = file.stem not in {"__init__", *NOUNS} and not file.stem.startswith(REACTIONS)
        if carries_one and file not in expected:
            what = "task" if file.stem.startswith("job_") else "operation"
            yield f"flows/{file.parent.name}/{file.name}: has no {what} in the contract; add one, or delete the file"
