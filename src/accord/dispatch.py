"""Dispatch: one operation, one flow, one transaction. The only place that commits."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import coroutine
from typing import Any, Protocol

from accord.context import Caller, Context, RequestInfo, Resources
from accord.contract.operations import Operation
from accord.database.idempotency import AnsweredBefore, Attempt
from accord.database.transaction import HeldTransaction
from accord.problems import Deadlock, InternalError, Problem, VersionConflict
from accord.telemetry import logs

Flow = Callable[..., Awaitable[Any]]
TRIES = 4
"""How often a flow runs at most when it loses a deadlock each time."""


@dataclass(slots=True)
class Result:
    """What a flow came to (C-12): `status` and `data`, or `error_code`, `message` and `detailed`.

    The edge makes the answer from it; it is never sent to a client as it is. `table` says where a version
    conflict was, for metrics; `ended` which sessions are over, for the process that answers.
    """

    success: bool
    status: int
    data: Any = None
    error_code: str | None = None
    message: str | None = None
    detailed: dict[str, Any] = field(default_factory=dict)
    trace: list[str] = field(default_factory=list)
    table: str | None = None
    ended: list[str] = field(default_factory=list)

    @classmethod
    def refused(cls, problem: Problem, trace: list[str]) -> "Result":
        """Return the result for a declared refusal; `detailed` is the rest of its problem document."""
        detailed = {"title": problem.title, **problem.extra}
        return cls(
            success=False,
            status=problem.status,
            error_code=problem.code,
            message=problem.detail,
            detailed=detailed,
            trace=trace,
            table=problem.table if isinstance(problem, VersionConflict) else None,
        )


class Dispatch(Protocol):
    """Runs an operation's flow here, or has it run elsewhere. The caller cannot tell."""

    async def __call__(
        self, operation: Operation, caller: Caller, request: RequestInfo, inputs: dict[str, Any]
    ) -> Result:
        """Return the result; raise nothing but cancellation."""
        ...


class LocalDispatch:
    """Runs flows in this process."""

    def __init__(self, resources: Resources, flows: Mapping[str, Flow]) -> None:
        """Take the parts flows use, and the flows by operationId.

        In production nobody watches how flows wait: that is for their authors and their tests.
        """
        self._resources = resources
        self._flows = flows
        self._watches = not resources.settings.is_production

    async def __call__(
        self, operation: Operation, caller: Caller, request: RequestInfo, inputs: dict[str, Any]
    ) -> Result:
        """Run the flow: returning commits, raising rolls back, and the answer is made after the commit.

        Whoever loses a deadlock did nothing and was not wrong: for them it runs again.
        """
        left = TRIES
        while True:
            left -= 1
            context = Context(self._resources, operation.id, caller, request)
            try:
                key = idempotency_key(operation, request, inputs)
                if key is not None:
                    status, data = await self._once(key, operation, context, inputs)
                else:
                    flow = self._flows[operation.id](context, **inputs)
                    status, data = operation.success_status, await (watched(context, flow) if self._watches else flow)
                    if context.has_begun:
                        await context.commit()
            except Problem as problem:
                result = await self._refused(context, problem)
                if left and isinstance(problem, Deadlock):
                    continue
                return result
            except asyncio.CancelledError:
                await context.rollback()
                raise
            except Exception as error:  # noqa: BLE001 - whatever a flow does, the client gets an answer and the log the reason
                return await self._broken(context, error)
            context.steps.append("SUCCESS")
            return Result(success=True, status=status, data=data, trace=context.steps, ended=context.ended)

    async def _once(self, key: str, operation: Operation, context: Context, inputs: dict[str, Any]) -> tuple[int, Any]:
        """Run the flow and keep its answer in the same commit; whoever comes again gets that answer (D-1)."""
        idempotency = self._resources.idempotency
        attempt = idempotency.attempt(context.caller.id, context.request.address, operation.id, key, inputs)
        with idempotency.alone(attempt):
            first = await idempotency.first_answer(attempt)
            if first is None:
                try:
                    return await self._first(attempt, operation, context, inputs)
                except AnsweredBefore as before:
                    first = before.answer
                except Problem:
                    # What it looked at before its transaction began may have been there because of the first request.
                    first = None if context.tx.is_open else await idempotency.first_answer(attempt)
                    if first is None:
                        raise
        await context.rollback()
        context.step("answered as the first time")
        return first

    async def _first(
        self, attempt: Attempt, operation: Operation, context: Context, inputs: dict[str, Any]
    ) -> tuple[int, Any]:
        idempotency = self._resources.idempotency
        context.tx.opening = idempotency.opening(attempt)
        flow = self._flows[operation.id](context, **inputs)
        data = await (watched(context, flow) if self._watches else flow)
        idempotency.remember(context.tx, attempt, operation.success_status, data)
        await context.commit()
        await idempotency.forget_old()
        return operation.success_status, data

    async def _refused(self, context: Context, problem: Problem) -> Result:
        try:
            await (context.commit() if problem.commits else context.rollback())
        except Problem as worse:
            problem = worse
        context.steps.append(f"REJECTED: {problem.code}")
        result = Result.refused(problem, context.steps)
        result.ended = context.ended if problem.commits else []
        return result

    async def _broken(self, context: Context, error: Exception) -> Result:
        logs.exception("A flow failed.", error, request_id=context.request.id, operation=context.operation)
        try:
            await context.rollback()
        except Problem as worse:
            logs.exception("Its transaction could not be rolled back.", worse, request_id=context.request.id)
        context.steps.append(f"ERROR: {type(error).__name__}")
        return Result.refused(InternalError(), context.steps)


def idempotency_key(operation: Operation, request: RequestInfo, inputs: dict[str, Any]) -> str | None:
    """Return the key under which the answer is kept, from a header or the body."""
    field = operation.key_field
    return request.idempotency_key if field is None else inputs["body"][field]


@coroutine
def watched(context: Context, flow: Awaitable[Any]) -> Generator[Any, Any, Any]:
    """Run the flow; it fails when it waits, inside its open transaction, for anything but its statements (I-10)."""
    steps = flow.__await__()
    advance: Callable[[Any], Any] = steps.send
    given: Any = None
    while True:
        try:
            awaited = advance(given)
        except StopIteration as end:
            return end.value
        if context.waits_in_transaction:
            advance, given = steps.throw, HeldTransaction()
            continue
        try:
            given = yield awaited
            advance = steps.send
        except BaseException as error:  # noqa: BLE001 - cancellation, too, is the flow's to hear of
            advance, given = steps.throw, error
