"""The wrappers that make spans. A span has the text of a statement but no parameter, and no header of a request."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import partial, wraps
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from accord import __version__
from accord.context import Caller, RequestInfo
from accord.contract.operations import Operation
from accord.database.connection import Call, Connection, Outcome
from accord.dispatch import Dispatch, Flow, Result

FIRST_SERVER_ERROR = 500
UNTRACED = {"/livez", "/readyz", "/metrics"}
"""Paths that machines request every few seconds; their spans would bury those of clients."""
FLUSH_LIMIT = 3.0
"""Seconds for which the end of the process waits for a collector that does not respond."""

Scope = MutableMapping[str, Any]
Send = Callable[[Scope], Awaitable[None]]
Application = Callable[[Scope, Any, Send], Awaitable[None]]
_propagator = TraceContextTextMapPropagator()
# The W3C flag of a trace that is not recorded: neither here nor in the worker that the request of a probe reaches.
_UNSAMPLED = NonRecordingSpan(SpanContext(trace_id=1, span_id=1, is_remote=False, trace_flags=TraceFlags(0)))


class Tracing:
    """Wraps the parts of one process."""

    def __init__(self, exporter: str, role: str) -> None:
        """Take the exporter's name, and the process's role as part of the service's name."""
        name = os.environ.get("OTEL_SERVICE_NAME") or f"accord-{role}"
        resource = Resource.create({SERVICE_NAME: name, SERVICE_VERSION: __version__})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(_exporter(exporter)))
        # A problem is no failure, and an exception's message may hold inputs of a client: results set the status.
        self._span = partial(
            self._provider.get_tracer("accord", __version__).start_as_current_span,
            record_exception=False,
            set_status_on_exception=False,
        )

    async def close(self) -> None:
        """Send the spans that wait; an unreachable collector delays the end of the process by 3 seconds at most."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        await asyncio.to_thread(last.join, FLUSH_LIMIT)

    def application(self, inner: Application) -> Application:
        """Return the ASGI application with a span around each request, in the client's trace if it names one."""

        async def traced(scope: Scope, receive: Any, send: Send) -> None:
            if scope["type"] != "http":
                await inner(scope, receive, send)
                return
            if scope["path"] in UNTRACED:
                with trace.use_span(_UNSAMPLED):
                    await inner(scope, receive, send)
                return
            parent = _propagator.extract(_carrier(scope["headers"]))
            method, attributes = scope["method"], {"http.request.method": scope["method"], "url.path": scope["path"]}
            with self._span(method, parent, SpanKind.SERVER, attributes) as span:

                async def sending(message: Scope) -> None:
                    if message["type"] == "http.response.start":
                        _note_response(span, message)
                    await send(message)

                # Without the server's extension for whole responses, which bypass `sending`.
                await inner({**scope, "extensions": {}}, receive, sending)

        return traced

    def dispatch(self, inner: Dispatch, *, remote: bool) -> Dispatch:
        """Return the dispatch with a span around each operation; the trace context goes on with the request."""

        async def traced(operation: Operation, caller: Caller, request: RequestInfo, inputs: dict[str, Any]) -> Result:
            parent, kind = None, SpanKind.CLIENT if remote else SpanKind.INTERNAL
            around = trace.get_current_span()
            if around.is_recording():
                around.update_name(f"{operation.method} {operation.path}")
                around.set_attribute("http.route", operation.path)
            elif not around.get_span_context().is_valid:  # The request came over NATS.
                parent, kind = _propagator.extract(_context_of(request)), SpanKind.SERVER
            attributes = {"accord.operation": operation.id, "accord.request_id": request.id}
            with self._span(f"dispatch {operation.id}", parent, kind, attributes) as span:
                request.traceparent, request.tracestate = _current_context()
                result = await inner(operation, caller, request, inputs)
                _note_result(span, result)
                return result

        return traced

    def flows(self, flows: Mapping[str, Flow]) -> dict[str, Flow]:
        """Return the flows with a span around each."""
        return {operation_id: self._flow(operation_id, flow) for operation_id, flow in flows.items()}

    def _flow(self, operation_id: str, flow: Flow) -> Flow:
        @wraps(flow)
        async def traced(*arguments: Any, **inputs: Any) -> Any:
            with self._span(f"flow {operation_id}"):
                return await flow(*arguments, **inputs)

        return traced

    def connection(self) -> type[Connection]:
        """Return the class of connections that make a span of each round trip, except outside of a request."""
        span = self._span

        class TracedConnection(Connection):
            async def run(self, *calls: Call) -> list[Outcome]:
                if not trace.get_current_span().is_recording():
                    return await super().run(*calls)
                text = "; ".join(statement.sql.decode() for statement, _ in calls)
                name = " ".join(statement.sql.split(None, 1)[0].decode() for statement, _ in calls)
                attributes = {"db.system.name": "postgresql", "db.query.text": text}
                with span(name, None, SpanKind.CLIENT, attributes):
                    return await super().run(*calls)

        return TracedConnection


def _exporter(name: str) -> SpanExporter:
    if name == "console":
        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - slow to import

    return OTLPSpanExporter()


def _carrier(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name.startswith(b"trace")}


def _context_of(request: RequestInfo) -> dict[str, str]:
    return {"traceparent": request.traceparent or "", "tracestate": request.tracestate or ""}


def _current_context() -> tuple[str | None, str | None]:
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent"), carrier.get("tracestate")


def _note_response(span: trace.Span, message: Scope) -> None:
    status: int = message["status"]
    span.set_attribute("http.response.status_code", status)
    request_id = dict(message["headers"]).get(b"x-request-id")
    if request_id is not None:
        span.set_attribute("accord.request_id", request_id.decode())
    if status >= FIRST_SERVER_ERROR:
        span.set_status(StatusCode.ERROR)


def _note_result(span: trace.Span, result: Result) -> None:
    if result.error_code is not None:
        span.set_attribute("accord.error_code", result.error_code)
    if result.status >= FIRST_SERVER_ERROR:
        span.set_status(StatusCode.ERROR)
