"""One request of a connection at a time: what comes behind it waits as bytes until its answer is written and read.

uvicorn parses whatever came. Of requests that are sent without waiting it makes a scope, a cycle and an entry in a
queue each, 150 times what they take as bytes; it answers an upgrade before the requests in front of it; and it carries
out what comes behind the last answer of a connection. Here the parser gets no byte of a request before its turn, and
the socket is not read meanwhile.

Nor is all of one request parsed in one turn: of what came at once, a quarter of a mebibyte, the parser makes a call for
each chunk or field, and those may have a byte.
"""

from asyncio import Handle, Transport
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_END = b"\r\n\r\n"
"""What heads end with, and bodies in chunks: the parser takes no bare line feeds."""
_FIELD = b"\r\ncontent-l"
MOST_BYTES = 8192
"""Bytes of heads and of chunks in one turn; a body of known length is one call, and has no such limit."""
MOST_PIECES = 128
"""Pieces in one turn: chunks may be full of what could be their end, and each of those is looked at alone."""


class _Flow(FlowControl):
    """Reads nothing more while something waits, whoever asks for it."""

    is_held = False

    def resume_reading(self) -> None:
        if not self.is_held:
            super().resume_reading()


class InTurn(HttpToolsProtocol):
    """Gives the parser one request at a time."""

    def __init__(self, **given: Any) -> None:
        """Begin with nothing that waits."""
        super().__init__(**given)
        self.is_in_head = True
        """Whether a head is to come or to go on."""
        self.is_done = False
        """Whether the parser was just given the last byte of a request."""
        self.is_deaf = False
        """Whether nothing is looked at any more, because the connection ends."""
        self.piece = b""
        """What the parser is given now; it does not tell all that is in a request line."""
        self._came = b""
        self._at = 0
        self._fed = b""
        self._body_left: int | None = None
        """Bytes of the body to come; they are looked up when there are some."""
        self._turn: Handle | None = None
        self._flow: _Flow

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Let what waits decide when to read."""
        super().connection_made(transport)
        self.flow = self._flow = _Flow(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of what waits and of the last request, which refers to this: such a ring stays in memory for long."""
        super().connection_lost(exc)
        self.is_deaf, self._came, self._at = True, b"", 0
        self.cycle = self.scope = None  # type: ignore[assignment]  # as at the beginning

    def resume_writing(self) -> None:
        """Go on, as the client has read."""
        super().resume_writing()
        self.next_turn()

    def data_received(self, data: bytes) -> None:
        """Parse what came, or let it wait for its turn."""
        if self.is_deaf:
            return
        if self._came or not self._is_free():
            self._came, self._at = self._came[self._at :] + data, 0
            self._hold()
        elif self.is_in_head and not self._fed and _is_one(data):
            self.is_done, self.piece = False, data
            HttpToolsProtocol.data_received(self, data)
            self.piece = b""
            if not self.is_done:
                self._fed = data[-3:]
                if not self.is_deaf:
                    self.parsed(data)
        else:
            self._came = data
            self._parse()

    def parsed(self, data: bytes) -> None:
        """Note what the parser was given of a request of which more is to come."""

    def body_length(self) -> int:
        """Return how long the body is to be; 0 when the head does not tell."""
        raise NotImplementedError

    def next_turn(self) -> None:
        """Let the next request begin as soon as everybody else had their turn; without one, read on."""
        if self._at < len(self._came):
            if self._turn is None:
                self._turn = self.loop.call_soon(self._take_turn)
        elif self.flow.read_paused:
            self.flow.resume_reading()

    def release(self) -> None:
        """Read on, if that was left because something waited; not if the application has to take the body first."""
        if self._flow.is_held:
            self._flow.is_held = False
            cycle = self.cycle
            if self.is_deaf or cycle is None or cycle.response_complete or len(cycle.body) <= HIGH_WATER_LIMIT:  # pyright: ignore[reportUnnecessaryComparison]  # None at first
                self.flow.resume_reading()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the socket's protocol, with what the client sent behind the handshake."""
        super().handle_websocket_upgrade()
        rest, self.is_deaf = self._came[self._at :], True
        self.release()
        # As when the connection is lost: they refer to this.
        self.parser = self.cycle = self.scope = None  # type: ignore[assignment]
        if rest:
            self.transport.get_protocol().data_received(rest)  # type: ignore[attr-defined]  # a protocol of streams

    def _take_turn(self) -> None:
        self._turn = None
        if self.is_followed() and self._is_free() and not self.is_deaf and not self.transport.is_closing():
            self._parse()

    def is_followed(self) -> bool:
        """Say whether something came that waits for its turn."""
        return self._at < len(self._came)

    def _is_free(self) -> bool:
        """Say whether the parser may have more of a request, or a new one as the last answer is written and read."""
        if not self.is_in_head:
            return True
        cycle = self.cycle
        return (cycle is None or cycle.response_complete) and not self.flow.write_paused  # pyright: ignore[reportUnnecessaryComparison]  # None at first

    def _parse(self) -> None:
        """Give the parser a turn's worth up to the end of a request, in pieces of which none reaches beyond it."""
        came, begun = self._came, self._at
        self.is_done = False
        for _ in range(MOST_PIECES):
            at = self._at
            self._at = end = self._end_of_piece(came, at)
            self.piece = piece = came[at:end]
            super().data_received(piece)
            self._fed = b"" if self.is_done else (self._fed + piece[-3:])[-3:]
            if self.is_done or self.is_deaf or end == len(came) or end - begun >= MOST_BYTES:
                break
        self.piece = b""
        if not (self.is_done or self.is_deaf):
            self.parsed(came[begun : self._at])
        if self.is_deaf:
            self._came, self._at = b"", 0
        elif self._at < len(came):
            self._hold()
            if self._is_free():
                self.next_turn()
        else:
            self._came, self._at = b"", 0
            self.release()

    def _end_of_piece(self, came: bytes, at: int) -> int:
        """Return the first place behind `at` where a request may end, or where a turn does."""
        if not self.is_in_head:
            if self._body_left is None:
                self._body_left = self.body_length()
            if self._body_left:
                end = min(at + self._body_left, len(came))
                self._body_left -= end - at
                return end
        if self._fed:
            # The end may have begun in the piece before.
            seam = (self._fed + came[at : at + 3]).find(_END)
            if seam >= 0:
                return at + seam + len(_END) - len(self._fed)
        most = min(at + MOST_BYTES, len(came))
        end = came.find(_END, at, most) + len(_END)
        return end if end >= len(_END) else most

    def _hold(self) -> None:
        self._flow.is_held = True
        self.flow.pause_reading()


def _is_one(data: bytes) -> bool:
    """Say whether this is one request, or a head alone, and nothing behind it: nearly always it is."""
    end = data.find(_END, 0, MOST_BYTES)
    behind = len(data) - end - len(_END)
    if end < 0 or not behind:
        return end >= 0
    # Other ways to write the field are right, too, but rare; they take the long way.
    at = data.rfind(_length(behind), 0, end + 2)
    return at > 0 and data[at - len(_FIELD) : at].lower() == _FIELD


@lru_cache(1024)
def _length(length: int) -> bytes:
    return b"ength: %d\r\n" % length
