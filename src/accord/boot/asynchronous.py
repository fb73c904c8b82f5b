"""The flows of operations with `x-async`: in a request one enqueues a job, and in the job one runs the operation."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from accord.context import JobContext, SignedInContext
from accord.contract.operations import Operation
from accord.contract.types import AcceptedJob
from accord.dispatch import Flow
from accord.flows.jobs import rules, serializers
from accord.flows.jobs.problems import MAX_RESULT, ResultTooLarge


class AsynchronousFlows(NamedTuple):
    """The flows of requests, which respond with the job, and the flows of jobs; both by operationId."""

    of_requests: dict[str, Flow]
    of_jobs: dict[str, Flow]


def asynchronous_flows(operations: Iterable[Operation]) -> AsynchronousFlows:
    """Return the flows of the operations that a job can run."""
    known = [operation for operation in operations if operation.max_waiting is not None]
    return AsynchronousFlows({one.id: _accepting(one) for one in known}, {one.id: _running(one) for one in known})


def _accepting(operation: Operation) -> Flow:
    async def accept(context: SignedInContext, **inputs: Any) -> AcceptedJob:
        return serializers.accepted(await rules.accept(operation, context, inputs), context.caller)

    return accept


def _running(operation: Operation) -> Flow:
    async def run(context: JobContext, **inputs: Any) -> dict[str, Any]:
        result = await rules.run_as_owner(operation, context, inputs)
        if len(orjson.dumps(result["body"])) > MAX_RESULT:
            raise ResultTooLarge
        return result

    return run
