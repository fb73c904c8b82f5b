"""One request of a connection at a time: later bytes wait unparsed until the response is written and read.

uvicorn parses all bytes that were read. For each pipelined request uvicorn makes a scope, a cycle and an entry in a
queue, 150 times the size of the bytes, performs an upgrade before the requests in front of the handshake, and carries
out requests behind the last response of a connection. Here the parser gets no byte of a request before its turn, and
the socket is not read meanwhile.

A turn is limited, too: one read can return 256 KiB, and the parser makes a call for each chunk or field, each of which
may be as short as a byte.
"""

from asyncio import Handle, Transport
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_END = b"\r\n\r\n"
"""The end of heads and of chunked bodies: the parser accepts no LF without CR."""
_FIELD = b"\r\ncontent-l"
MAX_TURN_BYTES = 8192
"""Bytes of heads and of chunks in one turn; a body of known length is one call, without such a limit."""
MAX_TURN_PIECES = 128
"""Pieces in one turn: a chunk may contain its end sequence many times, and each occurrence ends a piece."""


class State(Enum):
    """The part of a request that the next bytes of a connection belong to."""

    IDLE = auto()
    """The beginning of a request."""
    HEAD = auto()
    """The rest of a head."""
    BODY = auto()
    """A body, or its end."""
    UPGRADE = auto()
    """Bytes for the socket's protocol: the head was a handshake."""
    DISCARDING_INPUT = auto()
    """No request: the connection ends, or belongs to another protocol."""


# Members of an enum are looked up through its metaclass, which costs more than a global. The annotations keep the type
# checker from concluding that no callback changes a state.
IDLE: State = State.IDLE
HEAD: State = State.HEAD
BODY: State = State.BODY
UPGRADE: State = State.UPGRADE
DISCARDING_INPUT: State = State.DISCARDING_INPUT


class _Flow(FlowControl):
    """Flow control that can be kept paused, also when uvicorn resumes it."""

    is_kept_paused = False

    def resume_reading(self) -> None:
        # uvicorn's cycle resumes whenever the application receives, also while requests wait for their turn.
        if not self.is_kept_paused:
            super().resume_reading()


class InTurn(HttpToolsProtocol):
    """Gives the parser one request at a time."""

    def __init__(self, **kwargs: Any) -> None:
        """Begin with no input."""
        super().__init__(**kwargs)
        self.state = IDLE
        self.piece = b""
        """The bytes that the parser is given now, kept as the parser does not report all of a request line."""
        self._input = b""
        """Bytes that were read; those from `_at` on are not parsed yet."""
        self._at = 0
        self._last_bytes = b""
        """The last three bytes parsed of a request: its end may have begun there."""
        self._body_left: int | None = None
        """Bytes of the body to come; None until the number is needed."""
        self._turn: Handle | None = None
        self._flow: _Flow

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Replace uvicorn's flow control, as waiting input pauses reading."""
        super().connection_made(transport)
        self.flow = self._flow = _Flow(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop uvicorn's references to the last request: only the garbage collector frees a reference cycle."""
        super().connection_lost(exc)
        self._discard_input()
        self.cycle = self.scope = None  # type: ignore[assignment]  # as at the beginning

    def resume_writing(self) -> None:
        """Begin the next turn: uvicorn does not wait until the client has read a response."""
        super().resume_writing()
        self.next_turn()

    def data_received(self, data: bytes) -> None:
        """Parse the bytes that were read, or keep them for their turn: uvicorn parses all bytes at once."""
        if self.state is DISCARDING_INPUT:
            return
        if self._input or not self._is_free():
            self._input, self._at = self._input[self._at :] + data, 0
            self._pause_input()
        elif self.state is IDLE and _is_one(data):
            self.state, self.piece = HEAD, data
            HttpToolsProtocol.data_received(self, data)
            self.piece = b""
            if self.state is not IDLE:
                self._last_bytes = data[-3:]
                if self.state is not DISCARDING_INPUT:
                    self.parsed(data)
        else:
            self._input = data
            self._parse()

    def parsed(self, data: bytes) -> None:
        """Take note of bytes that were parsed of a request that is not complete."""

    def body_length(self) -> int:
        """Return the length of the body in bytes; 0 when the head does not state the length."""
        raise NotImplementedError

    def next_turn(self) -> None:
        """Begin the next request after the turns of other connections; without waiting input, resume reading."""
        if self.has_input():
            if self._turn is None:
                self._turn = self.loop.call_soon(self._take_turn)
        elif self.flow.read_paused:
            self.flow.resume_reading()

    def release(self) -> None:
        """Resume reading that waiting input had paused, unless the application must read the body first."""
        if self._flow.is_kept_paused:
            self._flow.is_kept_paused = False
            cycle = self.cycle
            is_taken = cycle is None or cycle.response_complete or len(cycle.body) <= HIGH_WATER_LIMIT  # pyright: ignore[reportUnnecessaryComparison]  # None at first
            if self.state is DISCARDING_INPUT or is_taken:
                self.flow.resume_reading()

    def handle_websocket_upgrade(self) -> None:
        """Pass on the bytes behind the handshake, too, and drop the references as `connection_lost` does."""
        super().handle_websocket_upgrade()
        rest = self._input[self._at :]
        self.state = DISCARDING_INPUT
        self.release()
        self.parser = self.cycle = self.scope = None  # type: ignore[assignment]
        if rest:
            self.transport.get_protocol().data_received(rest)  # type: ignore[attr-defined]  # a protocol of streams

    def has_input(self) -> bool:
        """Return whether bytes wait for their turn."""
        return self._at < len(self._input)

    def _take_turn(self) -> None:
        self._turn = None
        is_open = self.state is not DISCARDING_INPUT and not self.transport.is_closing()
        if self.has_input() and self._is_free() and is_open:
            self._parse()

    def _is_free(self) -> bool:
        """Return whether the parser may get more of a request, or a new one: the last response is written and read."""
        if self.state is BODY or self.state is UPGRADE:
            return True
        cycle = self.cycle
        return (cycle is None or cycle.response_complete) and not self.flow.write_paused  # pyright: ignore[reportUnnecessaryComparison]  # None at first

    def _parse(self) -> None:
        """Parse one turn up to the end of a request, in pieces that do not reach beyond this end."""
        data, begun = self._input, self._at
        if self.state is IDLE:
            self.state = HEAD
        for _ in range(MAX_TURN_PIECES):
            at = self._at
            self._at = end = self._end_of_piece(data, at)
            self.piece = piece = data[at:end]
            super().data_received(piece)
            is_over = self.state is IDLE or self.state is DISCARDING_INPUT
            self._last_bytes = b"" if is_over else (self._last_bytes + piece[-3:])[-3:]
            if is_over or end == len(data) or end - begun >= MAX_TURN_BYTES:
                break
        self.piece = b""
        if not (self.state is IDLE or self.state is DISCARDING_INPUT):
            self.parsed(data[begun : self._at])
        if self.state is DISCARDING_INPUT:
            self._discard_input()
        elif self.has_input():
            self._pause_input()
            if self._is_free():
                self.next_turn()
        else:
            self._input, self._at = b"", 0
            self.release()

    def _end_of_piece(self, data: bytes, at: int) -> int:
        """Return the first index behind `at` where a request may end, or the turn ends."""
        if self.state is BODY:
            if self._body_left is None:
                self._body_left = self.body_length()
            if self._body_left:
                end = min(at + self._body_left, len(data))
                self._body_left -= end - at
                return end
        if self._last_bytes:
            # The end may have begun in the previous piece.
            seam = (self._last_bytes + data[at : at + 3]).find(_END)
            if seam >= 0:
                return at + seam + len(_END) - len(self._last_bytes)
        limit = min(at + MAX_TURN_BYTES, len(data))
        end = data.find(_END, at, limit) + len(_END)
        return end if end >= len(_END) else limit

    def _pause_input(self) -> None:
        self._flow.is_kept_paused = True
        self.flow.pause_reading()

    def _discard_input(self) -> None:
        self.state, self._input, self._at = DISCARDING_INPUT, b"", 0


def _is_one(data: bytes) -> bool:
    """Return whether the bytes are one request or one head with no bytes behind, as is nearly always the case."""
    end = data.find(_END, 0, MAX_TURN_BYTES)
    behind = len(data) - end - len(_END)
    if end < 0 or not behind:
        return end >= 0
    # Other spellings of the field are valid, too, but rare; such requests are parsed in pieces.
    at = data.rfind(_length(behind), 0, end + 2)
    return at > 0 and data[at - len(_FIELD) : at].lower() == _FIELD


@lru_cache(1024)
def _length(length: int) -> bytes:
    return b"ength: %d\r\n" % length
