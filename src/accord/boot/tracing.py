"""OpenTelemetry traces, when an exporter is configured: HTTP → dispatch → flow → SQL, and across NATS (O-5).

The parts of a process are wrapped from outside while the process starts. Without an exporter, OpenTelemetry is not
imported, and a request costs nothing more. The environment variables are OpenTelemetry's own.
"""

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from accord.problems import CannotStart

if TYPE_CHECKING:
    from accord.boot.spans import Tracing

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def exporter_of(environ: Mapping[str, str]) -> str | None:
    """Return the configured exporter: `otlp`, `console` or None; raise CannotStart for one that is not built in."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    endpoint = any(environ.get(name) for name in _ENDPOINTS)
    chosen = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() or ("otlp" if endpoint else "none")
    if chosen == "none":
        return None
    if chosen not in {"otlp", "console"}:
        raise CannotStart(f"OTEL_TRACES_EXPORTER={chosen} is not known: use otlp, console or none.")
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), "http/protobuf")
    if chosen == "otlp" and protocol != "http/protobuf":
        raise CannotStart(f"OTEL_EXPORTER_OTLP_PROTOCOL={protocol} is not built: use http/protobuf.")
    return chosen


def start(environ: Mapping[str, str], role: str) -> "Tracing | None":
    """Return the wrappers for the parts of a process, or None when no exporter is configured. Raises CannotStart."""
    exporter = exporter_of(environ)
    if exporter is None:
        return None
    try:
        from accord.boot.spans import Tracing  # noqa: PLC0415 - the extra `telemetry` need not be installed
    except ModuleNotFoundError as missing:
        raise CannotStart(
            f"Traces are to be exported ({exporter}) and OpenTelemetry is not installed. "
            "Run `pip install 'accord[telemetry]'`, or set OTEL_TRACES_EXPORTER=none."
        ) from missing
    return Tracing(exporter, role)


@asynccontextmanager
async def traced(role: str) -> AsyncGenerator["Tracing | None"]:
    """Export traces within this block, when an exporter is configured; the spans that wait are sent at its end."""
    tracing = start(os.environ, role)
    try:
        yield tracing
    finally:
        if tracing is not None:
            await tracing.close()
