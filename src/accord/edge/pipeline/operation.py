"""One compiled pipeline for each operation: its part of the contract is read once, at start."""

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import orjson

from accord import clock
from accord.context import ANONYMOUS, Caller, RequestInfo
from accord.contract.operations import ACCEPTED, Operation
from accord.contract.references import resolve
from accord.contract.validators import MAX_ERRORS, FieldError
from accord.dispatch import Dispatch, Result
from accord.edge.pipeline import metrics, preconditions
from accord.edge.pipeline.authentication import Authenticate
from accord.edge.pipeline.body import BodyGuard, JsonBody
from accord.edge.pipeline.limits import Limits
from accord.edge.pipeline.negotiation import accepts_events, accepts_json
from accord.edge.pipeline.pagination import next_link
from accord.edge.pipeline.parameters import CompiledParameters
from accord.edge.pipeline.preferences import RESPOND_ASYNC, prefers_async
from accord.edge.pipeline.request import Request
from accord.edge.responses import EVENT_STREAM, NO_STORE, Response, Write, problem_document, problem_response
from accord.problems import Forbidden, NotAcceptable, ValidationFailed, VersionConflict
from accord.security.permissions import allows

_SECRET_FIELDS = {"accessToken", "refreshToken", "ticket"}
StreamTo = Callable[[Caller, Any, Write], Awaitable[None]]
"""Writes the stream that `x-stream` names, for the caller and from the place that the flow has returned."""


class CompiledOperation:
    """Guards, authenticates, authorises, validates, dispatches and responds, in the order of E-1."""

    def __init__(
        self,
        operation: Operation,
        bundle: dict[str, Any],
        dispatch: Dispatch,
        authenticate: Authenticate | None,
        limits: Limits,
        streams: Mapping[str, StreamTo],
        *,
        body_limit: int,
        timeout: float,
    ) -> None:
        """Compile the validators and make all decisions that do not depend on the request."""
        self.operation = operation
        self._dispatch = dispatch
        self._authenticate = authenticate
        self._limits = limits
        self._timeout = timeout
        self._guard = BodyGuard(body_limit, expected=operation.body_schema is not None)
        self._parameters = CompiledParameters(operation.parameters)
        self._body = None if operation.body_schema is None else JsonBody(operation.body_schema)
        headers = {parameter.name for parameter in operation.parameters if parameter.place == "header"}
        takes_conditions = bool({"If-Match", "If-None-Match"} & headers)
        self._reads_a_record = takes_conditions and operation.method == "GET"
        self._changes_a_record = takes_conditions and operation.method != "GET"
        self._takes_key = "Idempotency-Key" in headers
        self._is_asynchronous = operation.max_waiting is not None
        properties: dict[str, Any] = resolve(bundle, operation.success_schema or {}).get("properties", {})
        self._has_version = "version" in properties and "id" in properties
        self._pages = "totalPages" in properties or "nextCursor" in properties
        kind = operation.definition.get("x-stream")
        self._stream = None if kind is None else streams[kind]
        self.is_stream = kind is not None
        self._accepts = accepts_json if kind is None else accepts_events
        self._compressible = not _SECRET_FIELDS & set(properties)
        self._cache_control: bytes = operation.definition.get("x-cache-control", NO_STORE.decode()).encode()

    async def __call__(self, request: Request, path: dict[str, str]) -> Response:
        """Return the response to the request. Raises the problem of a request that is not dispatched."""
        operation, headers = self.operation, request.headers
        if b"accept" in headers and not self._accepts(headers[b"accept"]):
            raise NotAcceptable
        has_body = self._guard.check(request)
        limits = self._limits if self._limits.enabled else None
        if limits is not None:
            await limits.check_address(request, operation)
        authenticate = self._authenticate
        caller = ANONYMOUS if authenticate is None else await authenticate(request, operation.access)
        request.caller = caller.id
        if limits is not None:
            limits.check_account(request, caller)
            if self.is_stream:
                limits.check_connection(request)
                limits.check_connection_of(caller.id or "")
        if operation.permission is not None and not allows(caller.permissions, operation.permission):
            raise Forbidden
        text = b""
        if has_body:
            text = await self._guard.read(request) if request.body is None else self._guard.bounded(request.body)
        inputs = self._inputs(request, path, text)
        # As in `metrics.measured`, whose coroutine around this one would cost each request half a microsecond.
        started = time.perf_counter()
        result = await self._dispatch(operation, caller, self._info(request), inputs)
        metrics.flow_done(operation, result, time.perf_counter() - started)
        if not result.success:
            response = self._refusal(request, result)
        elif self._stream is not None:
            response = _streamed(request, partial(self._streaming, self._stream, caller, result.data))
        else:
            response = self._response(request, result)
        response.compressible = self._compressible
        response.trace = result.trace_events
        return response

    async def _streaming(self, stream: StreamTo, caller: Caller, data: Any, write: Write) -> None:
        with self._limits.opened(caller.id or ""):
            await stream(caller, data, write)

    def _inputs(self, request: Request, path: dict[str, str], text: bytes) -> dict[str, Any]:
        inputs, errors = self._parameters.parse(path, request.query, request.headers)
        if self._body is not None:
            inputs["body"], wrong = self._body.parse(text) if text else (None, [])
            errors += wrong
            if not text and self.operation.body_required:
                errors.append(FieldError(field="", message="a JSON body is required"))
        if errors:
            raise ValidationFailed(errors=errors[:MAX_ERRORS])
        if self._changes_a_record and preconditions.has_any(request.headers):
            preconditions.check_change(request.headers, inputs)
        if self._stream is not None and b"last-event-id" in request.headers:
            # A client that reconnects repeats its URL, and sends in this header the last cursor that it has.
            inputs["after"] = request.headers[b"last-event-id"].decode("ascii")
        return inputs

    def _info(self, request: Request) -> RequestInfo:
        deadline = clock.time() + self._timeout - request.elapsed()
        key = request.headers.get(b"idempotency-key") if self._takes_key else None
        is_traced = b"traceparent" in request.headers
        info = RequestInfo(
            request.id,
            request.address,
            request.user_agent,
            request.traceparent if is_traced else None,
            deadline,
            None if key is None else key.decode("latin-1"),
            request.tracestate if is_traced else None,
        )
        if self._is_asynchronous and request.method != "HEAD":
            info.prefers_async = prefers_async(request.headers.get(b"prefer"))
        return info

    def _response(self, request: Request, result: Result) -> Response:
        data = result.data
        if self._is_asynchronous and result.status == ACCEPTED:
            return _accepted(data)
        response = Response(result.status, cache_control=self._cache_control)
        if self._has_version:
            version: int = data["version"]
            response.headers.append((b"etag", preconditions.etag(version)))
            is_conditional = self._reads_a_record and preconditions.has_any(request.headers)
            if is_conditional and preconditions.is_held(request.headers, version):
                response.status = 304
                return response
        if self._pages:
            response.headers += next_link(request, data)
        if data is not None:
            response.body = orjson.dumps(data)
        return response

    def _refusal(self, request: Request, result: Result) -> Response:
        code = result.error_code or ""
        if self._changes_a_record and code == VersionConflict.code and preconditions.has_any(request.headers):
            return problem_response(preconditions.refusal(request.headers, result.extensions), request.id, request.path)
        return problem_document(result.status, code, result.message, result.extensions, request.id, request.path)


def _accepted(job: dict[str, Any]) -> Response:
    """Return the response with the job that runs the operation; a repeated request gets it by its key alone."""
    location = b"/api/v1/jobs/" + job["id"].encode()
    headers = [(b"location", location), (b"preference-applied", RESPOND_ASYNC)]
    return Response(ACCEPTED, orjson.dumps(job), headers=headers)


def _streamed(request: Request, write_to: Callable[[Write], Awaitable[None]]) -> Response:
    """Return a response with a stream as its body; for HEAD without one."""
    # nginx and proxies like it would buffer events otherwise.
    response = Response(200, content_type=EVENT_STREAM, headers=[(b"x-accel-buffering", b"no")])
    response.stream = None if request.method == "HEAD" else write_to
    return response
