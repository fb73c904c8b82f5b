"""WebSocket as uvicorn speaks it, with a limit for clients that do not read.

While a client does not read, uvicorn sends nothing, not even a close frame, and waits without limit until the client
has read; but uvicorn goes on reading, sends a pong for each ping, and collects a message in any number of fragments.
uvicorn's reader does not yield while messages are there, either: a client that sends without pause would keep the
process from all other clients.
"""

from asyncio import Handle, TimerHandle
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

LINGER = 10.0
"""Seconds that a client has to read the remaining frames after a close, before the connection is cut."""
MAX_FRAGMENTS = 1000
"""Fragments of one message; the limit of a message's size does not limit empty fragments."""
PIECE = 1024
"""Bytes that are parsed in one turn, before other connections have theirs and the responses were read; a frame has at
least six bytes."""


LAST_WORDS = 65_536
"""Bytes that are read after the close frame was sent; the client's close frame must be among them."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection of a client."""

    _cut: TimerHandle | None = None
    _came = b""
    _at = 0
    _turn: Handle | None = None
    _last_words = LAST_WORDS

    def data_received(self, data: bytes) -> None:
        """Parse the bytes while their responses are read; the head comes first and as a whole."""
        if self.close_sent:
            self._last_words -= len(data)
        if self._last_words < 0:
            # The client goes on sending instead of closing; the connection is cut after LINGER.
            self._came, self._at = b"", 0
            self.transport.pause_reading()
        elif self.handshake_initiated:
            self._came, self._at = self._came[self._at :] + data, 0
            self._go_on()
        else:
            super().data_received(data)

    def resume_writing(self) -> None:
        """Go on parsing, as the client has read."""
        super().resume_writing()
        self._go_on()

    async def receive(self) -> Any:
        """Return the next message; after the last parsed one, go on parsing."""
        message = await super().receive()
        if self._came:
            self._go_on()
        return message

    async def send(self, message: Any) -> None:
        """Send as uvicorn does; a close frame does not wait for the client to read."""
        if message["type"] == "websocket.close" and self.handshake_complete:
            self._cut = self.loop.call_later(LINGER, self.transport.abort)
            self.writable.set()
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # uvicorn would log an error, as if the handshake had got no response.
            self.handshake_complete = True
        if self._came:
            self._go_on()

    def handle_cont(self, event: Frame) -> None:
        """Collect a fragment, up to MAX_FRAGMENTS."""
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.POLICY_VIOLATION, "too many fragments")
            self.handle_parser_exception()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers, and drop the bytes that were not parsed."""
        if self._cut is not None:
            self._cut.cancel()
        if self._turn is not None:
            self._turn.cancel()
        self._came, self._at = b"", 0
        super().connection_lost(exc)

    def _go_on(self) -> None:
        """Parse a piece, unless the application or the client must first read what earlier pieces caused."""
        if self._came and self._turn is None and self._is_free():
            piece = self._came[self._at : self._at + PIECE]
            self._at += len(piece)
            if self._at == len(self._came):
                self._came, self._at = b"", 0
            super().data_received(piece)
            if self._came:
                self._turn = self.loop.call_soon(self._take_turn)
        if self.transport.is_closing():
            self._came, self._at = b"", 0
        elif self._came:
            self.transport.pause_reading()
        elif not self.read_paused and self._last_words >= 0:
            self.transport.resume_reading()

    def _take_turn(self) -> None:
        self._turn = None
        self._go_on()

    def _is_free(self) -> bool:
        is_taken = self.writable.is_set() and not self.read_paused
        return self.handshake_complete and is_taken and not self.transport.is_closing()
