"""Dispatch: one operation, one flow, one transaction. The only place that commits."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import coroutine
from typing import Any, Protocol, TypeVar

from accord.context import Caller, Context, RequestInfo, Resources, SignedInContext
from accord.contract.operations import ACCEPTED, Operation
from accord.database.idempotency import Attempt, CompletedBefore
from accord.database.transaction import HeldTransaction
from accord.problems import Deadlock, InternalError, Problem, Unauthorized, VersionConflict
from accord.telemetry import logs

Flow = Callable[..., Awaitable[Any]]
Returned = TypeVar("Returned")
MAX_ATTEMPTS = 4
"""The most runs of a flow that loses a deadlock each time."""


@dataclass(slots=True)
class Result:
    """The outcome of a flow (C-12): `status` and `data`, or `error_code`, `message` and `extensions`.

    The edge builds the response from a result; no client sees the result itself. `table` names the table of a version
    conflict, for metrics. The process that responds revokes the access tokens of `ended_sessions`.
    """

    success: bool
    status: int
    data: Any = None
    error_code: str | None = None
    message: str | None = None
    extensions: dict[str, Any] = field(default_factory=dict)
    trace_events: list[str] = field(default_factory=list)
    table: str | None = None
    ended_sessions: list[str] = field(default_factory=list)

    @classmethod
    def from_problem(cls, problem: Problem, trace_events: list[str]) -> "Result":
        """Return the result for a problem; `extensions` are the title and the problem's own members (RFC 9457)."""
        extensions = {"title": problem.title, **problem.extra}
        return cls(
            success=False,
            status=problem.status,
            error_code=problem.code,
            message=problem.detail,
            extensions=extensions,
            trace_events=trace_events,
            table=problem.table if isinstance(problem, VersionConflict) else None,
        )


class Dispatch(Protocol):
    """Runs an operation's flow in this process or in a worker. The edge cannot tell which."""

    async def __call__(
        self, operation: Operation, caller: Caller, request: RequestInfo, inputs: dict[str, Any]
    ) -> Result:
        """Return the result; raise nothing but cancellation."""
        ...


class LocalDispatch:
    """Runs flows in this process."""

    def __init__(
        self, resources: Resources, flows: Mapping[str, Flow], accepting: Mapping[str, Flow] | None = None
    ) -> None:
        """Take the parts that flows use, the flows by operationId, and those that let a job run the operation."""
        self._resources = resources
        self._flows = flows
        self._accepting = accepting or {}

    async def __call__(
        self, operation: Operation, caller: Caller, request: RequestInfo, inputs: dict[str, Any]
    ) -> Result:
        """Run the flow: returning commits, raising rolls back; the result is built after the commit.

        A flow that lost a deadlock wrote nothing and made no mistake, so the flow runs again, MAX_ATTEMPTS in all.
        """
        if operation.permission is not None and caller.id is None:
            return Result.from_problem(Unauthorized(), [f"REJECTED: {Unauthorized.code}"])
        make_context = Context if operation.permission is None else SignedInContext
        attempts_left = MAX_ATTEMPTS
        while True:
            attempts_left -= 1
            context = make_context(self._resources, operation.id, caller, request)
            try:
                key = idempotency_key(operation, request, inputs)
                if key is not None:
                    status, data = await self._idempotent(key, operation, context, inputs)
                else:
                    flow, status = self._flows[operation.id], operation.success_status
                    if request.prefers_async:
                        flow, status = self._flow_of(operation, request)
                    data = await run_to_commit(context, flow(context, **inputs))
            except Problem as problem:
                result = await self._with_problem(context, problem)
                if attempts_left and isinstance(problem, Deadlock):
                    continue
                return result
            except asyncio.CancelledError:
                with suppress(Problem):  # The server rolls back what was open on a connection that is gone.
                    await context.rollback()
                raise
            except Exception as error:  # noqa: BLE001 - after any exception the client gets a response and the log the reason
                return await self._failed(context, error)
            context.trace_events.append("SUCCESS")
            return Result(
                success=True,
                status=status,
                data=data,
                trace_events=context.trace_events,
                ended_sessions=context.ended_sessions,
            )

    def _flow_of(self, operation: Operation, request: RequestInfo) -> tuple[Flow, int]:
        """Return the flow with the status of its success.

        The gateway may be of a release whose contract lets a job run the operation, and this worker of the one before:
        a preference may be ignored (RFC 7240).
        """
        if request.prefers_async and operation.id in self._accepting:
            return self._accepting[operation.id], ACCEPTED
        return self._flows[operation.id], operation.success_status

    async def _idempotent(
        self, key: str, operation: Operation, context: Context, inputs: dict[str, Any]
    ) -> tuple[int, Any]:
        """Run the flow and store its response in the same commit; a repeated request gets that response (D-1)."""
        idempotency = self._resources.idempotency
        attempt = idempotency.attempt(context.caller.id or "", context.request.address, operation.id, key, inputs)
        with idempotency.alone(attempt):
            first = await idempotency.first_response(attempt)
            if first is None:
                try:
                    return await self._first_attempt(attempt, operation, context, inputs)
                except CompletedBefore as before:
                    first = before.response
                except Problem:
                    # The first request may have caused the problem: reads before the transaction see its rows.
                    first = None if context.tx.is_open else await idempotency.first_response(attempt)
                    if first is None:
                        raise
        await context.rollback()
        context.trace_event("responded as the first time")
        return first

    async def _first_attempt(
        self, attempt: Attempt, operation: Operation, context: Context, inputs: dict[str, Any]
    ) -> tuple[int, Any]:
        idempotency = self._resources.idempotency
        context.tx.opening = idempotency.opening(attempt)
        flow, status = self._flow_of(operation, context.request)
        data = await observed(context, flow(context, **inputs))
        idempotency.save_response(context.tx, attempt, status, data)
        await observed(context, context.commit())
        return status, data

    async def _with_problem(self, context: Context, problem: Problem) -> Result:
        try:
            await (observed(context, context.commit()) if problem.commits else context.rollback())
        except Problem as worse:
            problem = worse
        except Exception as error:  # noqa: BLE001 - a reaction may raise any
            return await self._failed(context, error)
        context.trace_events.append(f"REJECTED: {problem.code}")
        result = Result.from_problem(problem, context.trace_events)
        result.ended_sessions = context.ended_sessions if problem.commits else []
        return result

    async def _failed(self, context: Context, error: Exception) -> Result:
        logs.exception("A flow failed.", error, request_id=context.request.id, operation=context.operation)
        try:
            await context.rollback()
        except Problem as worse:
            logs.exception(
                "The transaction of a failed flow could not be rolled back.", worse, request_id=context.request.id
            )
        context.trace_events.append(f"ERROR: {type(error).__name__}")
        return Result.from_problem(InternalError(), context.trace_events)


async def run_to_commit(context: Context, flow: Awaitable[Returned]) -> Returned:
    """Run a flow, or a function like one, and commit what it wrote; the caller rolls back what raises."""
    returned = await observed(context, flow)
    if context.has_begun:
        await observed(context, context.commit())
    return returned


def observed(context: Context, flow: Awaitable[Returned]) -> Awaitable[Returned]:
    """Return the flow; outside of production it is watched, so that tests show faults."""
    return flow if context.resources.settings.is_production else watched(context, flow)


def idempotency_key(operation: Operation, request: RequestInfo, inputs: dict[str, Any]) -> str | None:
    """Return the key under which the response is stored, from a header or the body."""
    field = operation.key_field
    return request.idempotency_key if field is None else inputs["body"][field]


@coroutine
def watched(context: Context, flow: Awaitable[Any]) -> Generator[Any, Any, Any]:
    """Run the flow; raise HeldTransaction where it awaits anything but a statement in its open transaction (I-10)."""
    iterator = flow.__await__()
    advance: Callable[[Any], Any] = iterator.send
    sent: Any = None
    while True:
        try:
            awaited = advance(sent)
        except StopIteration as end:
            return end.value
        if context.waits_in_transaction:
            advance, sent = iterator.throw, HeldTransaction()
            continue
        try:
            sent = yield awaited
            advance = iterator.send
        except BaseException as error:  # noqa: BLE001 - the flow is told of cancellation, too
            advance, sent = iterator.throw, error
