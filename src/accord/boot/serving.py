"""From a process that is put together to one that serves, and to its end (O-7)."""

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from accord.boot.process import Process, Role
from accord.boot.signals import StopSignals
from accord.embedded.ahead import Starting
from accord.settings import Settings
from accord.telemetry import logs

if TYPE_CHECKING:
    from accord.edge.server.server import Server
    from accord.live.following import Live

Announce = Callable[[Process, str], None]
BACKLOG = 2048
LOOK_INTERVAL = 0.1
"""Seconds between looks whether a worker that starts has what it needs."""
FREEZE_AFTER = 0.5
"""Seconds until the start's garbage is collected: that takes a tenth of one, and the first answer comes first."""


async def run_server(
    settings: Settings, role: Role, listener: socket.socket, announce: Announce, starting: Starting | None = None
) -> int:
    """Serve HTTP until a signal comes; return the exit status: 1 when requests had to be cut off."""
    signals = StopSignals(settings.serves_on_for, settings.shutdown_timeout)
    process = Process(settings, role, starting)
    async with _until_stopped(signals), _opened(process, signals):
        await _serve(process, signals, listener, announce)
    return signals.status


async def run_worker(settings: Settings, listener: socket.socket | None, starting: Starting | None = None) -> int:
    """Run flows for gateways until a signal comes; return the exit status: 1 when flows had to be cut off."""
    signals = StopSignals(settings.serves_on_for, settings.shutdown_timeout)
    stopped = asyncio.Event()
    process = Process(settings, "worker", starting, has_metrics=listener is not None)
    async with _until_stopped(signals), _opened(process, signals), _probed(process, listener) as url:
        # Who reads the announcement may count on it, as soon as there are PostgreSQL and NATS.
        while await process.ready() is not None:  # noqa: ASYNC110 - nobody tells when PostgreSQL is back
            await asyncio.sleep(LOOK_INTERVAL)
        signals.stop = stopped.set
        freeze_memory()
        where = "." if url is None else f"; it listens on {url}"
        sys.stdout.write(f"Accord worker is ready{where}\n")
        sys.stdout.flush()
        await stopped.wait()
    return signals.status


def http_server(process: Process) -> "tuple[Server, Live]":
    """Put together what answers over HTTP for a process, and what it has to shut down when that ends."""
    from accord.edge.app import EdgeDependencies, build  # noqa: PLC0415
    from accord.edge.server.server import server  # noqa: PLC0415

    live = process.live()
    edge = build(
        EdgeDependencies(
            settings=process.settings,
            database=process.database,
            operations=process.operations,
            flows=process.flows,
            dispatch=process.dispatch,
            tokens=process.tokens,
            ready=process.ready,
            live=live.sockets,
            streams={"changes": live.streams},
        )
    )
    tracing = process.tracing
    if tracing is None:
        return server(edge, process.settings, edge), live
    return server(tracing.application(edge), process.settings), live


async def _serve(process: Process, signals: StopSignals, listener: socket.socket, announce: Announce) -> None:
    from accord.edge.server.listening import address_of  # noqa: PLC0415

    http, live = http_server(process)

    def stop() -> None:
        http.should_exit = True
        live.hub.shut_down()

    def announce_end() -> None:
        process.stopping = True
        asyncio.get_running_loop().call_later(process.settings.serves_on_for, stop)

    signals.stop = announce_end
    asyncio.get_running_loop().call_later(FREEZE_AFTER, freeze_memory)
    # Whoever reads the announcement may connect at once; until uvicorn accepts, the system keeps them waiting.
    listener.listen(BACKLOG)
    announce(process, address_of(listener))
    await http.serve(sockets=[listener])


@asynccontextmanager
async def _probed(process: Process, listener: socket.socket | None) -> AsyncGenerator[str | None]:
    """Serve a worker's probes and metrics, where there is a socket for them, until the last flow has finished."""
    if listener is None:
        yield None
        return
    from accord.edge.app import build_probes  # noqa: PLC0415 - a worker that nobody asks needs nothing of HTTP
    from accord.edge.server.listening import address_of  # noqa: PLC0415
    from accord.edge.server.server import server  # noqa: PLC0415

    http = server(build_probes(process.settings, process.database, process.ready), process.settings, has_sockets=False)
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
    """Let a signal that comes before there is anything to stop cancel the start."""
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


@asynccontextmanager
async def _opened(process: Process, signals: StopSignals) -> AsyncGenerator[None]:
    """Open the process; however this one ends, its embedded servers end too."""
    signals.abandon.append(process.abandon)
    async with process:
        yield


def freeze_memory() -> None:
    """Take what the start made out of the garbage collector's sight, so that collections stay short."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()
