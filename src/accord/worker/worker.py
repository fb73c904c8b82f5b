"""Flows as a NATS micro-service: an endpoint for each operation, one queue group, concurrent answers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

import nats.errors
import orjson
from nats.aio.msg import Msg

from accord import clock, logs
from accord.context import ANONYMOUS, Caller, RequestInfo
from accord.contract.operations import Operation
from accord.dispatch import Dispatch, Result
from accord.messaging.connection import Connection, Subscription
from accord.messaging.envelope import Envelopes, ForgedEnvelope
from accord.problems import DeadlineExceeded, InternalError, Problem, ServiceUnavailable, Unauthorized
from accord.worker.registration import QUEUE_GROUP, Endpoint, Registration

HEALTHCHECK = "api.v1.healthcheck"
VALIDATE = "api.v1.auth.validate"
Authenticate = Callable[[str], Awaitable[Caller]]
_Handler = Callable[[Msg], Coroutine[Any, Any, tuple[Result, bool]]]


class Worker:
    """Takes requests from NATS and runs them; several workers share them, each request runs once."""

    def __init__(
        self,
        connection: Connection,
        envelopes: Envelopes,
        dispatch: Dispatch,
        authenticate: Authenticate,
        *,
        version: str,
        most_at_once: int = 1000,
    ) -> None:
        """Take the parts; `authenticate` gives the caller of an access token, or raises InvalidToken."""
        self._connection, self._envelopes = connection, envelopes
        self._dispatch, self._authenticate = dispatch, authenticate
        self._most = most_at_once
        self._running: set[asyncio.Task[None]] = set()
        self._endpoints: list[Endpoint] = []
        self._subscriptions: list[Subscription] = []
        self._registration = Registration(connection, version, self._endpoints)

    async def start(self, operations: Iterable[Operation]) -> None:
        """Listen for every operation, for `auth.validate` and for the health check, and be found."""
        for operation in operations:
            await self._listen(operation.id, operation.subject, self._running_flow(operation))
            if operation.id == "healthcheck":
                await self._listen("health", HEALTHCHECK, self._checking_health(operation))
        await self._listen("validate", VALIDATE, self._validate)
        await self._registration.start()

    async def stop(self, patience: float) -> None:
        """Take no more requests, finish those that run, cut off what takes over `patience` seconds."""
        await self._registration.stop()
        await asyncio.gather(*(self._connection.unsubscribe(s) for s in self._subscriptions))
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=patience)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)

    async def _listen(self, name: str, subject: str, handler: _Handler) -> None:
        endpoint = Endpoint(name, subject)
        self._endpoints.append(endpoint)

        async def receive(msg: Msg) -> None:
            if not msg.reply:
                logs.warning("A message on NATS asks for no answer; it was ignored.", subject=subject)
                return
            run = handler if len(self._running) < self._most else _refuse_more
            task = asyncio.create_task(self._serve(endpoint, run, msg))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        self._subscriptions.append(await self._connection.subscribe(subject, receive, QUEUE_GROUP))

    async def _serve(self, endpoint: Endpoint, handler: _Handler, msg: Msg) -> None:
        """Run one request to its answer; nothing that happens here may end the worker."""
        started = time.perf_counter_ns()
        result, sign = Result.refused(InternalError(), []), True
        try:
            result, sign = await handler(msg)
        except Problem as problem:
            result = Result.refused(problem, [f"REJECTED: {problem.code}"])
        except asyncio.CancelledError:
            # Only `stop` cancels; the gateway should hear that at once rather than wait for its deadline.
            result = Result.refused(ServiceUnavailable(), ["ERROR: the worker stopped"])
        except Exception as error:  # noqa: BLE001  the sender gets an answer and the log the reason
            logs.exception("A request on NATS failed.", error, subject=endpoint.subject)
        endpoint.count(time.perf_counter_ns() - started, None if result.success else result.error_code)
        await self._answer(msg, result, sign=sign)

    async def _answer(self, msg: Msg, result: Result, *, sign: bool) -> None:
        payload = self._encoded(msg.reply, result, sign=sign)
        if len(payload) > self._connection.max_payload:
            logs.error("An answer is too large for NATS.", subject=msg.subject, bytes=len(payload))
            result = Result.refused(InternalError(), ["ERROR: the answer is too large"])
            payload = self._encoded(msg.reply, result, sign=sign)
        # When NATS went away meanwhile, the gateway has given up already and said so.
        with suppress(ServiceUnavailable, nats.errors.Error, OSError):
            await self._connection.publish(msg.reply, payload)

    def _encoded(self, inbox: str, result: Result, *, sign: bool) -> bytes:
        return self._envelopes.seal_answer(inbox, result) if sign else orjson.dumps(result)

    def _running_flow(self, operation: Operation) -> _Handler:
        async def run(msg: Msg) -> tuple[Result, bool]:
            try:
                message = self._envelopes.open(msg.subject, msg.reply, msg.data)
            except ForgedEnvelope as forged:
                logs.warning("A request on NATS was refused.", operation=operation.id, reason=str(forged))
                # Unsigned: it must not pass for a worker's answer to anything that a gateway asked.
                return Result.refused(Unauthorized("The request is not signed by a gateway."), []), False
            caller, request, inputs = _decoded(message)
            try:
                async with asyncio.timeout(request.deadline - clock.time()):
                    return await self._dispatch(operation, caller, request, inputs), True
            except TimeoutError:
                raise DeadlineExceeded from None

        return run

    def _checking_health(self, operation: Operation) -> _Handler:
        async def check(msg: Msg) -> tuple[Result, bool]:
            return await self._dispatch(operation, ANONYMOUS, RequestInfo(msg.reply), {}), False

        return check

    async def _validate(self, msg: Msg) -> tuple[Result, bool]:
        """Tell other services who a token speaks for; it is the proof itself, so nothing else is signed."""
        try:
            token = orjson.loads(msg.data)["token"]
        except (ValueError, TypeError, KeyError, IndexError):
            token = None
        if not isinstance(token, str):
            return Result.refused(Unauthorized('Send {"token": "…"}, an access token.'), []), False
        caller = await self._authenticate(token)
        known = {
            "id": caller.id,
            "role": caller.role,
            "sessionId": caller.session_id,
            "permissions": sorted(caller.permissions),
        }
        return Result(True, 200, {"caller": known}), False  # noqa: FBT003  the first field of a result is its success


async def _refuse_more(_: Msg) -> tuple[Result, bool]:
    raise ServiceUnavailable("The workers are busy. Try again shortly.")


def _decoded(message: dict[str, Any]) -> tuple[Caller, RequestInfo, dict[str, Any]]:
    """Read what the gateway's dispatch wrote; the envelope ends with the request's deadline."""
    caller, request = message["caller"], message["request"]
    return (
        Caller(**caller | {"permissions": frozenset(caller["permissions"])}),
        RequestInfo(**request | {"deadline": message["envelope"]["expires"]}),
        message["inputs"],
    )
