"""A worker and a gateway over a real NATS server, with a flow that the test writes."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from accord.context import Caller, RequestInfo, SignedIn
from accord.contract.operations import Operation
from accord.dispatch import Result
from accord.messaging.connection import Connection
from accord.messaging.remote import RemoteFlows
from accord.messaging.remote_dispatch import RemoteDispatch
from accord.messaging.signing import MessageSigner
from accord.messaging.worker import Worker
from accord.messaging.workers import Workers
from accord.problems import InvalidToken

KEY = b"k" * 32
CALLER = SignedIn.user("0191e4f0-0000-7000-8000-000000000001", "admin", "0191e4f0-0000-7000-8000-000000000002")
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TRACESTATE = "vendor=a, other=b:1"
Flow = Callable[[Caller, RequestInfo, dict[str, Any]], Awaitable[Result]]


def operation(name: str, *, repeatable: bool = False) -> Operation:
    return Operation(
        id=name,
        domain="tests",
        method="POST",
        path="/",
        access="public",
        permission=None,
        parameters=(),
        body_schema=None,
        body_required=False,
        success_status=200,
        success_schema=None,
        rate_limit=None,
        definition={"x-repeatable": "In this test."} if repeatable else {},
    )


async def authenticate(token: str) -> Caller:
    if token != "good":
        raise InvalidToken
    return CALLER


async def start_worker(connection: Connection, name: str, flow: Flow, **options: Any) -> Worker:
    async def dispatch(_: Operation, caller: Caller, request: RequestInfo, inputs: dict[str, Any]) -> Result:
        return await flow(caller, request, inputs)

    key = options.pop("key", KEY)
    worker = Worker(connection, MessageSigner(key), dispatch, authenticate, version="1.2.3", **options)
    await worker.start([operation(name)])
    await connection.ping(60)
    return worker


class Gateway:
    """Dispatches to workers, as the edge of a gateway does."""

    def __init__(self, connection: Connection, key: bytes = KEY) -> None:
        self._flows = RemoteFlows(connection, MessageSigner(key))
        self._dispatch = RemoteDispatch(self._flows)

    async def start(self) -> "Gateway":
        await self._flows.start()
        return self

    @property
    def workers(self) -> Workers:
        """Who it believes to be alive."""
        return self._flows.workers

    async def __call__(
        self, name: str, *, timeout_seconds: float = 60, repeatable: bool = False, key: str | None = None, **inputs: Any
    ) -> Result:
        request = RequestInfo("r-1", "192.0.2.1", "tests", TRACEPARENT, time.time() + timeout_seconds, key, TRACESTATE)
        return await self._dispatch(operation(name, repeatable=repeatable), CALLER, request, inputs)


async def echo(_: Caller, __: RequestInfo, inputs: dict[str, Any]) -> Result:
    return Result(success=True, status=200, data=inputs, trace_events=["SUCCESS"])


async def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
