"""Flows as a NATS micro-service: an endpoint for each operation, one queue group, concurrent responses.

A gateway chooses a worker that is alive, and sends to the subject of the operation followed by that worker's name.
Subjects without a worker's name are open to every NATS client: the health check, `auth.validate`, and those of
operations, where the response is 401, because flows run for gateways only.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

import nats.errors
import orjson
from nats.aio.msg import Msg

from accord.clock import time as epoch_seconds
from accord.clock import uptime
from accord.context import ANONYMOUS, RequestInfo, SignedIn
from accord.contract.operations import Operation
from accord.dispatch import Dispatch, Result
from accord.messaging.connection import Connection, Subscription
from accord.messaging.flow_message import decode
from accord.messaging.lease import Lease
from accord.messaging.parts import QUIET_LIMIT, Parts
from accord.messaging.refused_messages import refuse
from accord.messaging.registration import QUEUE_GROUP, Endpoint, Registration
from accord.messaging.signing import ForgedMessage, LateMessage, MessageSigner
from accord.problems import DeadlineExceeded, InternalError, Problem, ServiceUnavailable, Unauthorized
from accord.telemetry import logs

HEALTHCHECK = "api.v1.healthcheck"
VALIDATE = "api.v1.auth.validate"
Authenticate = Callable[[str], Awaitable[SignedIn]]
_Handler = Callable[[Msg], Coroutine[Any, Any, Result]]
_GRACE = 0.2
"""Seconds after the last heartbeat in which requests still arrive that gateways sent before."""


_UNSIGNED = "The request is not signed by a gateway."
_NOT_TOLD = "A change is made, and its result cannot be sent. Read the record; report the requestId."


class Worker:
    """Takes request messages from NATS and runs their flows; several workers share them, each request runs once."""

    def __init__(
        self,
        connection: Connection,
        signer: MessageSigner,
        dispatch: Dispatch,
        authenticate: Authenticate,
        *,
        version: str,
        max_concurrency: int = 1000,
    ) -> None:
        """Take the parts; `authenticate` returns the caller of an access token, or raises InvalidToken."""
        self._connection, self._signer = connection, signer
        self._dispatch, self._authenticate = dispatch, authenticate
        self._max_concurrency, self._is_closed = max_concurrency, False
        self._running: set[asyncio.Task[None]] = set()
        self._endpoints: list[Endpoint] = []
        self._flows: dict[str, tuple[Endpoint, Operation]] = {}
        self._subscriptions: list[Subscription] = []
        self._registration = Registration(connection, version, self._endpoints)
        self._parts = Parts(connection, signer)
        self._lease = Lease(connection, signer, self._cut_off)

    async def start(self, operations: Iterable[Operation]) -> None:
        """Subscribe every operation, `auth.validate` and the health check, then announce this worker."""
        for operation in operations:
            endpoint = await self._listen(operation.id, operation.subject, _refuse_unsigned)
            self._flows[f"{operation.subject}.{self._lease.worker}"] = endpoint, operation
            if operation.id == "healthcheck":
                await self._listen("health", HEALTHCHECK, self._checking_health(operation))
        await self._listen("validate", VALIDATE, self._validate)
        await self._registration.start()
        if self._flows:
            await self._parts.start()
            own = await self._connection.subscribe(f"api.v1.*.*.{self._lease.worker}", self._receive)
            self._subscriptions.append(own)
            await self._lease.start()

    async def stop(self, timeout_seconds: float, delay: float = 0) -> None:
        """Take no more requests, finish running flows, and cancel those that take over `timeout_seconds`.

        For `delay` seconds before that, take only requests that no other worker can. A second call does nothing.
        """
        if self._is_closed:
            return
        await self._registration.stop()
        if delay:
            await self._lease.leave("leaving")
            await asyncio.sleep(delay)
        self._is_closed = True
        await self._lease.leave("closed")
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=timeout_seconds)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1)
        if self._flows and self._connection.is_connected:
            await asyncio.sleep(_GRACE)
        await asyncio.gather(*(self._connection.unsubscribe(s) for s in self._subscriptions))
        await self._lease.stop()

    async def _listen(self, name: str, subject: str, handler: _Handler) -> Endpoint:
        endpoint = Endpoint(name, subject)
        self._endpoints.append(endpoint)

        async def receive(msg: Msg) -> None:
            is_full = len(self._running) >= self._max_concurrency
            self._begin(msg, self._respond_to_anybody(endpoint, _refuse_more if is_full else handler, msg))

        self._subscriptions.append(await self._connection.subscribe(subject, receive, QUEUE_GROUP))
        return endpoint

    async def _receive(self, msg: Msg) -> None:
        known = None if self._is_closed or len(self._running) >= self._max_concurrency else self._flows.get(msg.subject)
        self._begin(msg, self._respond_to_gateway(known, msg))

    def _begin(self, msg: Msg, work: Coroutine[Any, Any, None]) -> None:
        if not msg.reply:
            work.close()
            refuse("request", "it names no inbox")
            return
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def _cut_off(self) -> None:
        """Cancel all running flows: gateways have given this worker up, and told their clients so."""
        for task in self._running:
            task.cancel()

    async def _respond_to_gateway(self, known: tuple[Endpoint, Operation] | None, msg: Msg) -> None:
        """Run one request and respond; one not begun here (unknown, or over the limit) goes to another worker."""
        try:
            message = await self._opened(msg)
            if known is None:
                raise LateMessage
            signed = self._signed(msg, await self._ran(*known, message))
        except ForgedMessage as forged:
            refuse("request", str(forged))
            # Unsigned: this response must not pass for a worker's response to a gateway.
            await self._publish(msg.reply, orjson.dumps(_refused(Unauthorized(_UNSIGNED))))
        except LateMessage:
            await self._publish(msg.reply, self._signer.sign_response(msg.data, {"begun": False}))
        except asyncio.CancelledError:
            # The gateway should hear that at once rather than wait for its deadline.
            await self._publish(msg.reply, self._signer.sign_response(msg.data, {"begun": True}))
        else:
            await self._hand_over(msg, signed, message)

    async def _opened(self, msg: Msg) -> dict[str, Any]:
        """Return the verified message; a large one is fetched first. Raises ForgedMessage and LateMessage."""
        message = self._signer.verify_request(msg.subject, msg.reply, msg.data)
        if "large" not in message:
            return message
        try:
            async with asyncio.timeout(message["delivery"]["end_by"] - uptime()):
                content = await self._parts.fetch(message["large"], part_limit=QUIET_LIMIT)
        except (TimeoutError, ServiceUnavailable, nats.errors.Error, OSError):
            raise LateMessage from None
        return self._signer.verify_request(msg.subject, msg.reply, content)

    async def _ran(self, endpoint: Endpoint, operation: Operation, message: dict[str, Any]) -> Result:
        """Return the result of the flow; no exception here may end the worker."""
        started = time.perf_counter_ns()
        try:
            end_by = message["delivery"]["end_by"]
            deadline = epoch_seconds() + end_by - uptime()
            caller, request, inputs = decode(message, deadline, self._lease.is_held)
            async with asyncio.timeout(end_by - uptime()):
                result = await self._dispatch(operation, caller, request, inputs)
        except TimeoutError:
            result = _refused(DeadlineExceeded())
        except Exception as error:  # noqa: BLE001  the sender gets a response and the log the reason
            logs.exception("A request on NATS failed.", error, operation=operation.id)
            result = _refused(InternalError())
        endpoint.count(time.perf_counter_ns() - started, result.error_code)
        return result

    def _signed(self, msg: Msg, result: Result) -> bytes:
        try:
            return self._signer.sign_response(msg.data, result)
        except TypeError as error:
            logs.exception("A response is no JSON.", error, subject=msg.subject)
            return self._signer.sign_response(msg.data, _refused(InternalError(_NOT_TOLD)))

    async def _hand_over(self, msg: Msg, signed: bytes, message: dict[str, Any]) -> None:
        """Send the response; one larger than NATS takes can be fetched for as long as the gateway waits."""
        if len(signed) <= self._connection.max_payload:
            await self._publish(msg.reply, signed)
            return
        with self._parts.offered(signed) as offer, suppress(TimeoutError):
            await self._publish(msg.reply, self._signer.sign_response(msg.data, offer.stub))
            async with asyncio.timeout(message["delivery"]["end_by"] - uptime()):
                await offer.until_taken()

    async def _publish(self, inbox: str, payload: bytes) -> None:
        try:  # noqa: SIM105 - each response comes here, and entering a context takes longer
            await self._connection.publish(inbox, payload)
        except (ServiceUnavailable, nats.errors.Error, OSError):
            pass  # The connection was lost: the gateway has given up already, and responded so.

    async def _respond_to_anybody(self, endpoint: Endpoint, handler: _Handler, msg: Msg) -> None:
        """Respond to any NATS client; neither request nor response is signed."""
        started = time.perf_counter_ns()
        try:
            result = await handler(msg)
        except Problem as problem:
            result = _refused(problem)
        except asyncio.CancelledError:
            result = _refused(ServiceUnavailable())
        except Exception as error:  # noqa: BLE001  the sender gets a response and the log the reason
            logs.exception("A request on NATS failed.", error, subject=endpoint.subject)
            result = _refused(InternalError())
        endpoint.count(time.perf_counter_ns() - started, result.error_code)
        await self._publish(msg.reply, orjson.dumps(result))

    def _checking_health(self, operation: Operation) -> _Handler:
        async def check(msg: Msg) -> Result:
            return await self._dispatch(operation, ANONYMOUS, RequestInfo(msg.reply), {})

        return check

    async def _validate(self, msg: Msg) -> Result:
        """Return the caller of an access token, for other services: the token is the proof, no signature is needed."""
        try:
            token = orjson.loads(msg.data)["token"]
        except (ValueError, TypeError, KeyError, IndexError):
            token = None
        if not isinstance(token, str):
            raise Unauthorized('Send {"token": "…"}, an access token.')
        caller = await self._authenticate(token)
        known = {
            "id": caller.id,
            "role": caller.role,
            "sessionId": caller.session_id,
            "permissions": sorted(caller.permissions),
        }
        return Result(True, 200, {"caller": known})  # noqa: FBT003  the first field of a result is its success


async def _refuse_unsigned(_: Msg) -> Result:
    refuse("request", "it is not for a worker by its name")
    raise Unauthorized(_UNSIGNED)


async def _refuse_more(_: Msg) -> Result:
    raise ServiceUnavailable("The workers are busy. Try again shortly.")


def _refused(problem: Problem) -> Result:
    return Result.from_problem(problem, [f"REJECTED: {problem.code}"])
