"""Dispatch to workers, over NATS."""

from collections.abc import Callable, Collection
from typing import Any

from accord.context import Caller, RequestInfo
from accord.contract.operations import Operation
from accord.dispatch import Result, idempotency_key
from accord.messaging.flow_message import encode
from accord.messaging.remote import REQUEST_ID, TRACEPARENT, TRACESTATE, RemoteFlows
from accord.problems import Problem


class RemoteDispatch:
    """Has flows run by workers."""

    def __init__(self, remote: RemoteFlows, sessions_ended: Callable[[Collection[str]], None] = lambda _: None) -> None:
        """Take the gateway's side of the exchange, and `sessions_ended`, called with the sessions that a flow ended."""
        self._remote = remote
        self._sessions_ended = sessions_ended

    async def __call__(
        self, operation: Operation, caller: Caller, request: RequestInfo, inputs: dict[str, Any]
    ) -> Result:
        """Send the request, signed with its caller, and return the worker's result."""
        try:
            response = await self._remote.call(
                operation.subject,
                encode(caller, request, inputs),
                deadline=request.deadline,
                headers={
                    REQUEST_ID: request.id,
                    TRACEPARENT: request.traceparent,
                    TRACESTATE: request.tracestate,
                },
                # A job is made by each request.
                repeatable=operation.repeatable and not request.prefers_async,
                remembered=idempotency_key(operation, request, inputs) is not None,
            )
        except Problem as problem:
            return Result.from_problem(problem, [f"REJECTED: {problem.code}"])
        result = Result(**response)
        if result.ended_sessions:
            self._sessions_ended(result.ended_sessions)
        return result
