"""The compiled edge: the ASGI application, between uvicorn and the operations."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any

from accord.edge.pages.pages import ALLOW
from accord.edge.pipeline import metrics
from accord.edge.pipeline.body import ClientDisconnected
from accord.edge.pipeline.client_address import ClientAddress
from accord.edge.pipeline.cors import Cors
from accord.edge.pipeline.deadline import Deadline
from accord.edge.pipeline.limits import Limits
from accord.edge.pipeline.negotiation import COMPRESS_FROM, accepts_gzip, gzip
from accord.edge.pipeline.operation import CompiledOperation
from accord.edge.pipeline.request import Receive, Request, Scope, Send
from accord.edge.pipeline.router import Router, allowed, not_allowed
from accord.edge.responses import (
    CLOSE,
    EVENT_STREAM,
    WHOLE_RESPONSE,
    Header,
    Response,
    Stream,
    WriteWhole,
    fields,
    problem_response,
)
from accord.problems import (
    DeadlineExceeded,
    InternalError,
    NotFound,
    Problem,
    RateLimitExceeded,
    ServiceUnavailable,
    Unauthorized,
)
from accord.telemetry import logs

CLIENT_LEFT = 499
"""The status in logs and metrics, as in nginx's, of a request whose client disconnected before it was complete."""
Page = Callable[[Request], Awaitable[Response | None]]
STREAM_LINGER = 1.0
"""Seconds that a client has to read the end of a stream before the connection is closed."""
Socket = Callable[[Scope, Receive, Send], Awaitable[None]]
Found = tuple[CompiledOperation, dict[str, str]]
"""An operation and its path parameters."""


class Edge:
    """Routes each request to its compiled operation, and adds the common headers to every response."""

    def __init__(
        self,
        *,
        page: Page,
        cors: Cors,
        addresses: ClientAddress,
        limits: Limits,
        timeout: float,
        always: tuple[Header, ...],
        operations: Iterable[CompiledOperation] = (),
        socket: Socket | None = None,
    ) -> None:
        """Take the operations, the other pages, and the headers that all responses have.

        Without `socket`, the server must not upgrade any connection.
        """
        self._page = page
        self._socket = socket
        self._cors = cors
        self._addresses = addresses
        self._limits = limits
        self._deadline = Deadline(timeout)
        self._always = always
        self._router: Router[CompiledOperation] = Router()
        for compiled in operations:
            self._router.add(compiled.operation.method, compiled.operation.path, compiled)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request; pass a socket to its handshake."""
        if scope["type"] == "http":
            await self._http(scope, Request.from_scope(scope, receive), send)
        elif scope["type"] == "websocket":
            assert self._socket is not None
            await self._socket(scope, receive, send)

    def find(self, method: str, path: str) -> Found | None:
        """Return the operation at a path and its parameters; None when the response is a stream, which needs ASGI."""
        found = self._router.find(path)
        if found is None:
            return None
        methods, parameters = found
        operation = methods.get("GET" if method == "HEAD" else method)
        return None if operation is None or operation.is_stream else (operation, parameters)

    def respond(self, request: Request, found: Found) -> Coroutine[Any, Any, Response]:
        """Return the complete response of an operation; call `note` when the response was sent."""
        operation, parameters = found
        request.address = self._addresses.resolve(request)
        request.operation = operation.operation.id
        return self._completed(request, operation(request, parameters))

    def waits(self, request: Request, task: asyncio.Task[None]) -> None:
        """Start the deadline of a request that a task carries out."""
        request.task = task
        self._deadline.begin(task)

    @staticmethod
    def note(request: Request, response: Response) -> None:
        """Count and log a request whose response was sent."""
        seconds = request.elapsed()
        metrics.request_done(request.operation or "none", response.status, seconds, response.error_code)
        if request.operation is not None:
            logs.request_line(request.id, request.operation, response.status, seconds, request.caller, response.trace)
        else:
            logs.request_line(request.id, None, response.status, seconds, method=request.method[:16], path=request.path)

    async def _http(self, scope: Scope, request: Request, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.waits(request, task)
        try:
            response = await self._completed(request, self._respond(request))
        except ClientDisconnected:
            self.note(request, Response(CLIENT_LEFT))
            return
        await self.send(scope, request, response, send)
        self.note(request, response)
        if response.stream is not None:
            await _stream(request, response.stream, send)

    async def _completed(self, request: Request, responding: Coroutine[Any, Any, Response]) -> Response:
        """Return the response, compressed and with the headers that the request needs; errors become responses."""
        try:
            response = await responding
        except ClientDisconnected:
            raise
        except asyncio.CancelledError:
            # Only the deadline and the end of SHUTDOWN_TIMEOUT cancel; after the latter, another process can serve it.
            late = request.task is not None and self._deadline.is_over(request.task)
            response = self._refusal(DeadlineExceeded() if late else ServiceUnavailable(), request)
        except Exception as error:  # noqa: BLE001 - the client gets a response, the log the reason
            response = self._refusal(error, request)
        finally:
            if request.task is not None:
                self._deadline.end(request.task)
        if response.compressible and len(response.body) > COMPRESS_FROM:
            response.headers.append((b"vary", b"Accept-Encoding"))
            if accepts_gzip(request.headers.get(b"accept-encoding", b"")):
                response.body = gzip(response.body)
                response.headers.append((b"content-encoding", b"gzip"))
        if request.limits:
            response.headers += request.limits
        if b"origin" in request.headers:
            response.headers += self._cors.headers(request)
        return response

    async def _respond(self, request: Request) -> Response:
        request.address = self._addresses.resolve(request)
        found = self._router.find(request.path)
        if found is None:
            page = await self._page(request)
            if page is None:
                raise NotFound
            return self._cors.preflight(request, ALLOW) if request.method == "OPTIONS" else page
        methods, path = found
        operation = methods.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            return self._without_operation(request, allowed(methods))
        request.operation = operation.operation.id
        return await operation(request, path)

    def _without_operation(self, request: Request, methods: str) -> Response:
        if request.method == "OPTIONS":
            return self._cors.preflight(request, methods)
        raise not_allowed(methods)

    def _refusal(self, error: Exception, request: Request) -> Response:
        problem = self._problem(error, request)
        response = problem_response(problem, request.id, request.path)
        response.trace = [f"REJECTED: {problem.code}"]
        if b"expect" in request.headers:
            # A client that waits for `100 Continue` may send the body or not: the next request's start is uncertain.
            response.headers.append(CLOSE)
        return response

    def _problem(self, error: Exception, request: Request) -> Problem:
        if isinstance(error, Unauthorized):
            try:
                self._limits.count_refusal(request)
            except RateLimitExceeded as too_many:
                return too_many
        if isinstance(error, Problem):
            return error
        if isinstance(error, TimeoutError):
            return DeadlineExceeded()
        logs.exception("The edge failed.", error, request_id=request.id)
        return InternalError()

    async def send(self, scope: Scope, request: Request, response: Response, send: Send) -> None:
        """Send the response as a whole if the server can, else in ASGI's two messages; of a stream, only the head."""
        whole_response: dict[str, WriteWhole] = scope.get("extensions", {}).get(WHOLE_RESPONSE)
        is_whole = response.content_type is not EVENT_STREAM
        if whole_response and is_whole and whole_response["write"](response, request.id):
            return
        headers = fields(response, request.id, self._always)
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if response.stream is None:
            await send({"type": "http.response.body", "body": response.body})


async def _stream(request: Request, stream: Stream, send: Send) -> None:
    """Write a stream until it ends or the client disconnects; the deadline of requests does not apply."""

    async def write(data: bytes) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": True})

    tasks = {asyncio.ensure_future(stream(write)), asyncio.create_task(_left(request))}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for error in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(error, Exception):
                logs.exception("A stream failed.", error, request_id=request.id)
    with suppress(TimeoutError):
        async with asyncio.timeout(STREAM_LINGER):
            await send({"type": "http.response.body", "body": b""})


async def _left(request: Request) -> None:
    assert request.receive is not None
    while (await request.receive())["type"] != "http.disconnect":
        pass
