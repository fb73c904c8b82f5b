"""The compiled edge: the one middleware in Connexion's stack, between uvicorn and the operations."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from connexion.middleware.abstract import SpecMiddleware
from connexion.resolver import Resolver
from connexion.spec import Specification

from accord import logs
from accord.api import metrics
from accord.api.answers import SECURITY_HEADERS, STRICT_TRANSPORT, Answer, Header, problem_answer
from accord.api.body import ClientDisconnected
from accord.api.client_address import ClientAddress
from accord.api.cors import Cors
from accord.api.limits import Limits
from accord.api.negotiation import COMPRESS_FROM, accepts_gzip, gzip
from accord.api.operation import CompiledOperation
from accord.api.request import Receive, Request, Scope, Send
from accord.api.router import Router, allowed
from accord.problems import (
    DeadlineExceeded,
    InternalError,
    InvalidToken,
    MethodNotAllowed,
    NotFound,
    Problem,
    RateLimitExceeded,
    ValidationFailed,
)

MAX_URL = 8192
MAX_HEADERS = 32_768
Page = Callable[[Request], Awaitable[Answer | None]]
Socket = Callable[[Scope, Receive, Send], Awaitable[None]]


class Edge(SpecMiddleware):
    """Routes each request to its compiled operation, and puts on every answer what all answers have."""

    def __init__(
        self,
        *,
        compile_operation: Callable[[Any], CompiledOperation],
        page: Page,
        socket: Socket | None,
        cors: Cors,
        addresses: ClientAddress,
        limits: Limits,
        timeout: float,
        production: bool,
    ) -> None:
        """Take how operations are compiled, and the answer to what is not in the contract."""
        self._compile_operation = compile_operation
        self._page = page
        self._socket = socket
        self._cors = cors
        self._addresses = addresses
        self._limits = limits
        self._timeout = timeout
        self._always: tuple[Header, ...] = (*SECURITY_HEADERS, STRICT_TRANSPORT) if production else SECURITY_HEADERS
        self._router: Router[CompiledOperation] = Router()

    def add_api(self, specification: Specification, *, resolver: Resolver, **_: object) -> None:
        """Compile every operation that Connexion loaded and resolved to its flow."""
        for path, item in specification["paths"].items():
            for method in {"get", "put", "post", "delete", "patch"} & set(item):
                resolved: Any = specification.operation_cls.from_spec(
                    specification, path=path, method=method, resolver=resolver
                )
                self._router.add(method.upper(), path, self._compile_operation(resolved.operation_id))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; hand a socket to the live part."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket" and self._socket is not None:
            await self._socket(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        operation: CompiledOperation | None = None
        try:
            async with asyncio.timeout(self._timeout):
                request.address = self._addresses.of(request)
                _check_size(request)
                found = self._router.find(request.path)
                if found is None:
                    answer = await self._page(request)
                    if answer is None:
                        raise NotFound
                else:
                    methods, path = found
                    operation = methods.get("GET" if request.method == "HEAD" else request.method)
                    if operation is not None:
                        answer = await operation(request, path)
                    else:
                        answer = self._without_operation(request, allowed(methods))
        except ClientDisconnected:
            return
        except TimeoutError:
            answer = self._refused(DeadlineExceeded(), request)
        except Problem as problem:
            answer = self._refused(problem, request)
        except Exception as error:  # noqa: BLE001 - the client gets an answer, the log the reason
            logs.exception("The edge failed.", error, request_id=request.id)
            answer = self._refused(InternalError(), request)
        await self._send(request, answer, send)
        _note(request, answer, operation)

    def _without_operation(self, request: Request, methods: str) -> Answer:
        if request.method == "OPTIONS":
            return self._cors.preflight(request, methods)
        problem = MethodNotAllowed()
        problem.headers.append((b"allow", methods.encode()))
        raise problem

    def _refused(self, problem: Problem, request: Request) -> Answer:
        if isinstance(problem, InvalidToken):
            try:
                self._limits.refused_token(request)
            except RateLimitExceeded as too_many:
                problem = too_many
        return problem_answer(problem, request.id, request.path)

    async def _send(self, request: Request, answer: Answer, send: Send) -> None:
        request_id = request.id.encode()
        headers = [
            (b"x-request-id", request_id),
            (b"x-trace-id", request_id),
            (b"cache-control", answer.cache_control),
            (b"content-security-policy", answer.content_security),
            *self._always,
            *answer.headers,
            *self._cors.headers(request),
        ]
        body = answer.body
        if len(body) > COMPRESS_FROM and answer.compressible:
            headers.append((b"vary", b"Accept-Encoding"))
            if accepts_gzip(request.headers.get(b"accept-encoding", b"")):
                body = gzip(body)
                headers.append((b"content-encoding", b"gzip"))
        if body:
            headers.append((b"content-type", answer.content_type))
        if answer.status not in {204, 304}:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _check_size(request: Request) -> None:
    """Refuse what no honest client sends; servers differ in what they let through."""
    if len(request.path) + len(request.query) > MAX_URL:
        raise ValidationFailed(errors=[{"field": "url", "message": f"must have at most {MAX_URL} characters"}])
    # Authorization is left to the check of the token, so that whatever is no token is told so (S-2).
    if sum(len(n) + len(value) for n, value in request.scope["headers"] if n != b"authorization") > MAX_HEADERS:
        raise ValidationFailed(errors=[{"field": "headers", "message": f"must have at most {MAX_HEADERS} characters"}])


def _note(request: Request, answer: Answer, operation: CompiledOperation | None) -> None:
    seconds = request.elapsed()
    if operation is None:
        metrics.request_done("none", answer.status, seconds, answer.error_code)
        logs.request_line(request.id, None, answer.status, seconds, method=request.method[:16], path=request.path)
    else:
        name = operation.operation.id
        metrics.request_done(name, answer.status, seconds, answer.error_code)
        logs.request_line(request.id, name, answer.status, seconds, answer.caller, answer.trace)
