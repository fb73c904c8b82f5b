"""WebSocket as uvicorn speaks it, with an end for those who do not read.

uvicorn sends nothing, not even a closing, while the client does not read, and waits without limit for what was sent
before to be taken; but it goes on reading, answers each ping that it reads, and collects messages in as many fragments
as the client likes. Nor does its reader give way while messages are there: a client that sends without pause would keep
the process from everybody else.
"""

from asyncio import Handle, TimerHandle
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

LINGER = 10.0
"""Seconds that a client has to take what was sent before the connection is cut."""
MAX_FRAGMENTS = 1000
"""Fragments of one message; empty ones have no size that could be limited."""
PIECE = 1024
"""Bytes that are looked at before everybody else has a turn, and what they made was taken; a frame has at least six."""


LAST_WORDS = 65_536
"""Bytes that are read after the closing, among which the client's own closing is to be."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """One connection of a client."""

    _cut: TimerHandle | None = None
    _came = b""
    _at = 0
    _turn: Handle | None = None
    _last_words = LAST_WORDS

    def data_received(self, data: bytes) -> None:
        """Look at what came for as long as its responses are taken; the head comes first and as a whole."""
        if self.close_sent:
            self._last_words -= len(data)
        if self._last_words < 0:
            # It goes on sending instead of closing; it is cut when its time is over.
            self._came, self._at = b"", 0
            self.transport.pause_reading()
        elif self.handshake_initiated:
            self._came, self._at = self._came[self._at :] + data, 0
            self._go_on()
        else:
            super().data_received(data)

    def resume_writing(self) -> None:
        """Go on, as the client has read."""
        super().resume_writing()
        self._go_on()

    async def receive(self) -> Any:
        """Return the next message; when that was the last one that was read, look for more."""
        message = await super().receive()
        if self._came:
            self._go_on()
        return message

    async def send(self, message: Any) -> None:
        """Send as uvicorn does; a closing does not wait for what the client has not read."""
        if message["type"] == "websocket.close" and self.handshake_complete:
            self._cut = self.loop.call_later(LINGER, self.transport.abort)
            self.writable.set()
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            # uvicorn would log a fault, as if the handshake had got no response.
            self.handshake_complete = True
        if self._came:
            self._go_on()

    def handle_cont(self, event: Frame) -> None:
        """Collect a fragment, up to a limit."""
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.POLICY_VIOLATION, "too many fragments")
            self.handle_parser_exception()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        if self._cut is not None:
            self._cut.cancel()
        if self._turn is not None:
            self._turn.cancel()
        self._came, self._at = b"", 0
        super().connection_lost(exc)

    def _go_on(self) -> None:
        """Look at a piece of what came, unless something must be taken first: by the application or the client."""
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
