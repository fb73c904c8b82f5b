"""An OpenTelemetry collector of a test's own, and the variables that have a process export to it."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Span(NamedTuple):
    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    state: str
    attributes: dict[str, str]


class Collector:
    """An OTLP/HTTP collector."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.received = b""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.path == "/v1/traces"
                collector.take(body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def take(self, body: bytes) -> None:
        self.received += body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(a.value.string_value for a in resource.resource.attributes if a.key == "service.name")
            for scope in resource.scope_spans:
                for span in scope.spans:
                    attributes = {a.key: a.value.string_value or str(a.value.int_value) for a in span.attributes}
                    ids = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
                    self.spans.append(Span(service, span.name, *ids, span.kind, span.trace_state, attributes))

    async def trace(self, trace: str, *names: str) -> list[Span]:
        """Return the spans of a trace, once those named have arrived, each as often as it is named."""
        async with asyncio.timeout(60):
            while Counter(names) - Counter(span.name for span in self.spans if span.trace == trace):
                await asyncio.sleep(0.05)
        return [span for span in self.spans if span.trace == trace]

    async def first(self, name: str) -> Span:
        """Return the first span of this name, once it has arrived."""
        async with asyncio.timeout(60):
            while not (found := [span for span in self.spans if span.name == name]):
                await asyncio.sleep(0.05)
        return found[0]

    @property
    def variables(self) -> dict[str, str]:
        """The variables that have a process export to the collector at once."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector within the block."""
    running = Collector()
    try:
        yield running
    finally:
        running.close()
