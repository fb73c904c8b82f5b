"""WebSocket frames written without ASGI: a change with thousands of subscribers is encoded once for all of them.

uvicorn takes a message as a dictionary in a task of the connection, encodes its text, makes a frame of it and joins the
pieces. An application that already has the frame may write these bytes, as long as the client reads.
"""

from typing import Any

from accord.edge.pipeline.websocket_handshake import WRITE_FRAME
from accord.edge.server.websocket_protocol import WebSocketProtocol


class FrameWritingProtocol(WebSocketProtocol):
    """Offers the extension to the application."""

    def handle_connect(self, event: Any) -> None:
        """Add the extension to the scope; the application's task runs later."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][WRITE_FRAME] = {"write": self._write_frame}  # type: ignore[index, typeddict-unknown-key]  # an extension of ours

    def connection_lost(self, exc: Exception | None) -> None:
        """Remove the extension: the scope and this protocol would keep each other in memory."""
        super().connection_lost(exc)
        scope = getattr(self, "scope", None)  # A connection without a handshake has no scope.
        if scope is not None:
            scope["extensions"].pop(WRITE_FRAME, None)

    def _write_frame(self, frame: bytes) -> bool:
        """Write a frame and return True; return False when the connection ends or its client does not read."""
        if self.close_sent or not self.writable.is_set() or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True
