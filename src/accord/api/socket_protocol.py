"""WebSocket as uvicorn speaks it, with an end for those who do not read.

uvicorn sends nothing, not even a closing, while the client does not read, and waits without limit for what was sent
before to be taken.
"""

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINGER = 10.0
"""Seconds that a client has to take what was sent before the connection is cut."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """One connection of a client."""

    _cut: TimerHandle | None = None

    async def send(self, message: Any) -> None:
        """Send as uvicorn does; a closing does not wait for what the client has not read."""
        if message["type"] == "websocket.close" and self.handshake_complete:
            self._cut = self.loop.call_later(LINGER, self.transport.abort)
            self.writable.set()
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # uvicorn would log a fault, as if the handshake had got no answer.
            self.handshake_complete = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        if self._cut is not None:
            self._cut.cancel()
        super().connection_lost(exc)
