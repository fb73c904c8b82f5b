"""uvicorn, set up for this application and stopped by the boot."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

import uvicorn

from accord.contract.heartbeat import HEARTBEAT
from accord.edge.responses import always
from accord.edge.server.http_protocol import HttpProtocol
from accord.edge.server.unread import UNREAD_AT_STOP, UNREAD_FOR, Unread
from accord.edge.server.websocket_protocol import WebSocketProtocol
from accord.settings import Settings
from accord.telemetry import logs

if TYPE_CHECKING:
    from accord.edge.pipeline.compiled_edge import Edge


class Server(uvicorn.Server):
    """uvicorn without its signal handling, which would raise the signal again and end the process too early."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Take the connections, to cut the unread ones."""
        super().__init__(config)
        self._unread = Unread(self.server_state.connections)

    async def on_tick(self, counter: int) -> bool:
        """Run uvicorn's tick, ten times a second; every 5 seconds, cut the connections of clients that do not read."""
        if counter % 50 == 0:
            try:
                self._unread.cut(UNREAD_FOR)
            except Exception as error:  # noqa: BLE001 - one connection must not stop the server
                logs.exception("Unread connections could not be cut.", error)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for requests and connections, but not for clients that do not read."""
        cutting = asyncio.create_task(self._cut_unread())
        try:
            await super().shutdown(sockets)
        finally:
            cutting.cancel()

    async def _cut_unread(self) -> None:
        while True:
            self._unread.cut(UNREAD_AT_STOP)
            await asyncio.sleep(0.5)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the boot."""
        yield


def server(application: object, settings: Settings, edge: "Edge | None" = None, *, has_sockets: bool = True) -> Server:
    """Return a server for the application; an upgrade at another path than the live socket's is an ordinary request.

    With `edge` the server takes the fast path; leave `edge` out where a middleware must see all requests.
    """
    logging.getLogger("uvicorn.error").addFilter(_is_not_said_already)
    config = uvicorn.Config(
        application,  # type: ignore[arg-type]  # an ASGI application
        http=_protocol(settings, edge),  # type: ignore[arg-type]  # called like the class
        ws=_websocket_protocol(settings) if has_sockets else "none",
        # Compressed, a connection takes three times the memory, and half the messages go through.
        ws_per_message_deflate=False,
        ws_max_size=65_536,
        ws_ping_interval=HEARTBEAT,
        ws_ping_timeout=HEARTBEAT,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=settings.shutdown_timeout,
    )
    return Server(config)


def _protocol(settings: Settings, edge: "Edge | None") -> Callable[..., HttpProtocol]:
    """Return the factory of a connection's protocol: with the limits alone, or with the fast path on top."""
    constant = always(settings)
    limits: dict[str, Any] = {"constant_headers": constant, "head_timeout": settings.request_timeout}
    if edge is None or not settings.http_fast_path:
        return partial(HttpProtocol, **limits)
    # Without the fast path, none of its modules is loaded.
    from accord.edge.fast_path.protocol import FastPathProtocol  # noqa: PLC0415
    from accord.edge.fast_path.response_head import ResponseHeads  # noqa: PLC0415
    from accord.edge.fast_path.run_until_blocked import CoroutineRunner  # noqa: PLC0415

    return partial(
        FastPathProtocol, edge=edge, response_heads=ResponseHeads(constant), runner=CoroutineRunner(), **limits
    )


def _websocket_protocol(settings: Settings) -> type[WebSocketProtocol]:
    if not settings.http_fast_path:
        return WebSocketProtocol
    from accord.edge.fast_path.frame_writing import FrameWritingProtocol  # noqa: PLC0415 - likewise

    return FrameWritingProtocol


def _is_not_said_already(record: logging.LogRecord) -> bool:
    """Drop uvicorn's line about malformed requests; the protocol logs them, with the id of the response."""
    return record.msg != "Invalid HTTP request received."
