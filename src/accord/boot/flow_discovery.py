"""Finds each operation's flow by its name, and every file that does not fit the contract (C-3)."""

import importlib
import inspect
from collections.abc import Iterable
from pathlib import Path

from accord.boot import import_errors
from accord.context import Context, SignedInContext
from accord.contract.names import NOUNS
from accord.contract.operations import Operation
from accord.dispatch import Flow

FLOWS = Path(__file__).parents[1] / "flows"


def find_flows(operations: Iterable[Operation], folder: Path = FLOWS) -> tuple[dict[str, Flow], list[str]]:
    """Return the flow of each operation, and every difference between contract and folder (C-3)."""
    flows: dict[str, Flow] = {}
    problems: list[str] = []
    expected: set[Path] = set()
    for operation in operations:
        file = folder / operation.domain / f"{operation.flow_name}.py"
        expected.add(file)
        if not file.exists():
            problems.append(f"{operation.id}: has no flow; write src/accord/flows/{operation.domain}/{file.name}")
            continue
        try:
            module = importlib.import_module(f"accord.flows.{operation.domain}.{operation.flow_name}")
        except Exception as error:  # noqa: BLE001 - the other problems are reported, too, whatever the module raises
            here = f"flows/{operation.domain}/{file.name}"
            place, reason = import_errors.told(error) or (here, f"{type(error).__name__}: {error}")
            problem = f"{place} cannot be imported: {reason}"
            # A problem that several flows share is reported once.
            if not any(told.endswith(problem) for told in problems):
                problems.append(f"{operation.id}: {problem}")
            continue
        flow = getattr(module, operation.flow_name, None)
        if flow is None or not inspect.iscoroutinefunction(flow):
            problems.append(f"{operation.id}: {file.name} must define `async def {operation.flow_name}(context, …)`")
            continue
        problems.extend(_signature_problems(operation, flow))
        flows[operation.id] = flow
    problems.extend(_orphans(folder, expected))
    return flows, problems


def _signature_problems(operation: Operation, flow: Flow) -> Iterable[str]:
    parameters = inspect.signature(flow).parameters
    takes = parameters.keys() - {"context"}
    context = Context if operation.permission is None else SignedInContext
    if "context" in parameters and parameters["context"].annotation not in {context, context.__name__}:
        has = "has no" if operation.permission is None else "has an"
        yield f"{operation.id}: its flow must take `context: {context.__name__}`, as the operation {has} x-permission"
    if takes != operation.arguments:
        yield f"{operation.id}: its flow takes {sorted(takes)}, the contract gives {sorted(operation.arguments)}"


def _orphans(folder: Path, expected: set[Path]) -> Iterable[str]:
    for file in sorted(folder.glob("*/*.py")):
        is_operation = file.stem not in {"__init__", *NOUNS}
        if is_operation and file not in expected:
            yield f"flows/{file.parent.name}/{file.name}: has no operation in the contract; add one, or delete the file"
