"""Runs a process from its start to its end, with its server and its signals (O-7)."""

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from accord.boot.processes import HttpProcess, WorkerProcess, gateway, serve, worker
from accord.boot.signals import StopSignals
from accord.embedded.prestart import Prestarted
from accord.mail import public_address
from accord.settings import Settings
from accord.telemetry import logs

if TYPE_CHECKING:
    from accord.edge.server.server import Server
    from accord.live.following import Live

Announce = Callable[[HttpProcess, str], None]
BACKLOG = 2048
READY_INTERVAL = 0.1
"""Seconds between checks whether a worker that starts is ready."""
FREEZE_AFTER = 0.5
"""Seconds until the start's garbage is collected: collecting takes 0.1 seconds, and the first response comes first."""


async def run_server(
    settings: Settings, role: str, listener: socket.socket, announce: Announce, prestarted: Prestarted
) -> int:
    """Serve HTTP until a signal comes; return the exit status: 1 when requests had to be cut off."""
    signals = StopSignals(settings.serves_on_for, settings.shutdown_timeout, prestarted.kill_servers)
    opened = gateway(settings, prestarted) if role == "gateway" else serve(settings, prestarted)
    async with _until_stopped(signals), opened as process:
        await _serve(process, signals, listener, announce)
    return signals.status


async def run_worker(settings: Settings, listener: socket.socket | None, prestarted: Prestarted) -> int:
    """Run flows for gateways until a signal comes; return the exit status: 1 when flows had to be cut off."""
    signals = StopSignals(settings.serves_on_for, settings.shutdown_timeout, prestarted.kill_servers)
    stopped = asyncio.Event()
    opened = worker(settings, prestarted, has_metrics=listener is not None)
    async with _until_stopped(signals), opened as process, _probed(process, listener) as url:
        # A reader of the announcement may rely on the worker, so that PostgreSQL and NATS are reachable before.
        while await process.readiness() is not None:  # noqa: ASYNC110 - PostgreSQL does not notify when it is back
            await asyncio.sleep(READY_INTERVAL)

        def stop() -> None:
            process.parts.resources.is_stopping = True
            stopped.set()

        signals.stop = stop
        freeze_memory()
        where = "." if url is None else f"; it listens on {url}"
        sys.stdout.write(f"Accord worker is ready{where}\n")
        sys.stdout.flush()
        await stopped.wait()
    return signals.status


def http_server(process: HttpProcess) -> "tuple[Server, Live]":
    """Build the HTTP server of a process, and the live part that ends with the server."""
    from accord.edge.app import EdgeDependencies, build  # noqa: PLC0415 - a worker needs no HTTP
    from accord.edge.server.server import server  # noqa: PLC0415 - likewise
    from accord.live.following import Live  # noqa: PLC0415 - likewise

    parts = process.parts
    live = Live(
        parts.tail,
        parts.database,
        process.dispatch,
        process.operations["streamChanges"],
        parts.resources.tokens,
        parts.tokens,
        caller_of_session=parts.sessions.caller_of,
        token_life=process.settings.access_token_ttl,
    )
    edge = build(
        EdgeDependencies(
            settings=process.settings,
            database=parts.database,
            operations=process.operations,
            flows=process.flows,
            dispatch=process.dispatch,
            tokens=parts.tokens,
            ready=process.readiness,
            live=live.sockets,
            streams={"changes": live.streams},
        )
    )
    tracing = process.tracing
    if tracing is None:
        return server(edge, process.settings, edge), live
    return server(tracing.application(edge), process.settings), live


async def _serve(process: HttpProcess, signals: StopSignals, listener: socket.socket, announce: Announce) -> None:
    from accord.edge.server.listening import address_of  # noqa: PLC0415 - a worker needs nothing of HTTP

    http, live = http_server(process)

    def stop() -> None:
        process.parts.resources.is_stopping = True
        http.should_exit = True
        live.hub.shut_down()

    def announce_end() -> None:
        process.readiness.stop()
        asyncio.get_running_loop().call_later(process.settings.serves_on_for, stop)

    signals.stop = announce_end
    asyncio.get_running_loop().call_later(FREEZE_AFTER, freeze_memory)
    # A reader of the announcement may connect at once; until uvicorn accepts, the connection waits in the backlog.
    listener.listen(BACKLOG)
    address = public_address.as_opened(address_of(listener))
    public_address.note(process.settings, address)
    process.parts.resources.mailer.address = address
    announce(process, address_of(listener))
    await http.serve(sockets=[listener])


@asynccontextmanager
async def _probed(process: WorkerProcess, listener: socket.socket | None) -> AsyncGenerator[str | None]:
    """Serve a worker's probes and metrics, if it has a listener for them, until the last flow has finished."""
    if listener is None:
        yield None
        return
    from accord.edge.app import build_probes  # noqa: PLC0415 - a worker without probes needs nothing of HTTP
    from accord.edge.server.listening import address_of  # noqa: PLC0415 - likewise
    from accord.edge.server.server import server  # noqa: PLC0415 - likewise

    probes = build_probes(process.settings, process.parts.database, process.readiness)
    http = server(probes, process.settings, has_sockets=False)
    listener.listen(BACKLOG)
    serving = asyncio.create_task(http.serve(sockets=[listener]))
    try:
        yield address_of(listener)
    finally:
        await process.drain()
        http.should_exit = True
        await serving


@asynccontextmanager
async def _until_stopped(signals: StopSignals) -> AsyncGenerator[None]:
    """Cancel the start when a signal comes before the server is ready to stop."""
    task = asyncio.current_task()
    assert task is not None
    signals.stop = task.cancel
    with signals.handled():
        try:
            yield
        except asyncio.CancelledError:
            if not signals.received:
                raise
            task.uncancel()
            logs.info("Stopped before it was ready.")


def freeze_memory() -> None:
    """Exempt the objects of the start from garbage collection, so that collections stay short."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()
