"""One request of a connection at a time: the bytes behind it wait unparsed until its response is written and read.

uvicorn parses everything that was read. For each pipelined request it makes a scope, a cycle and an entry in a queue,
150 times the size of the bytes; it performs an upgrade before the requests in front of it; and it carries out requests
behind the last response of a connection. Here the parser gets no byte of a request before its turn, and the socket is
not read meanwhile.

Nor is all of one request parsed in one turn: of the quarter of a mebibyte that one read can return, the parser makes a
call for each chunk or field, and those may be as short as a byte.
"""

from asyncio import Handle, Transport
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_END = b"\r\n\r\n"
"""The end of heads and of chunked bodies: the parser takes no bare line feeds."""
_FIELD = b"\r\ncontent-l"
MAX_TURN_BYTES = 8192
"""Bytes of heads and of chunks in one turn; a body of known length is one call, and has no such limit."""
MAX_TURN_PIECES = 128
"""Pieces in one turn: chunks may be full of what could be their end, and each of those is looked at alone."""


class State(Enum):
    """What the next bytes of a connection are."""

    IDLE = auto()
    """The beginning of a request."""
    HEAD = auto()
    """The rest of a head."""
    BODY = auto()
    """A body, or its end."""
    UPGRADE = auto()
    """The socket protocol's: the head was a handshake."""
    DISCARDING_INPUT = auto()
    """Nothing: the connection ends, or belongs to another protocol."""


# Members of an enum are looked up through its metaclass, which costs more than a global. Annotated, as the type checker
# would otherwise believe that no callback changes a state.
IDLE: State = State.IDLE
HEAD: State = State.HEAD
BODY: State = State.BODY
UPGRADE: State = State.UPGRADE
DISCARDING_INPUT: State = State.DISCARDING_INPUT


class _Flow(FlowControl):
    """Flow control that can be kept paused, whoever asks it to resume."""

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
        """The bytes that the parser is given now; it does not report all of a request line."""
        self._input = b""
        """Bytes that were read, from `_at` on not parsed yet."""
        self._at = 0
        self._last_bytes = b""
        """The last three bytes parsed of a request: an end may have begun in them."""
        self._body_left: int | None = None
        """Bytes of the body to come; None until they are needed."""
        self._turn: Handle | None = None
        self._flow: _Flow

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Replace uvicorn's flow control: waiting input decides when to read."""
        super().connection_made(transport)
        self.flow = self._flow = _Flow(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop uvicorn's references to the last request, which refers to this: only the collector frees such a ring."""
        super().connection_lost(exc)
        self._discard_input()
        self.cycle = self.scope = None  # type: ignore[assignment]  # as at the beginning

    def resume_writing(self) -> None:
        """Take the next turn: uvicorn does not wait until the client has read a response."""
        super().resume_writing()
        self.next_turn()

    def data_received(self, data: bytes) -> None:
        """Parse what was read, or let it wait for its turn: uvicorn parses everything at once."""
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
        """Note what the parser was given of a request of which more is to come."""

    def body_length(self) -> int:
        """Return how long the body is to be; 0 when the head does not tell."""
        raise NotImplementedError

    def next_turn(self) -> None:
        """Let the next request begin as soon as other connections had their turn; without one, resume reading."""
        if self.has_input():
            if self._turn is None:
                self._turn = self.loop.call_soon(self._take_turn)
        elif self.flow.read_paused:
            self.flow.resume_reading()

    def release(self) -> None:
        """Resume reading where waiting input had paused it; not where the application has to take the body first."""
        if self._flow.is_kept_paused:
            self._flow.is_kept_paused = False
            cycle = self.cycle
            is_taken = cycle is None or cycle.response_complete or len(cycle.body) <= HIGH_WATER_LIMIT  # pyright: ignore[reportUnnecessaryComparison]  # None at first
            if self.state is DISCARDING_INPUT or is_taken:
                self.flow.resume_reading()

    def handle_websocket_upgrade(self) -> None:
        """Pass on the bytes behind the handshake too, and drop the references as `connection_lost` does."""
        super().handle_websocket_upgrade()
        rest = self._input[self._at :]
        self.state = DISCARDING_INPUT
        self.release()
        self.parser = self.cycle = self.scope = None  # type: ignore[assignment]
        if rest:
            self.transport.get_protocol().data_received(rest)  # type: ignore[attr-defined]  # a protocol of streams

    def has_input(self) -> bool:
        """Say whether bytes wait for their turn."""
        return self._at < len(self._input)

    def _take_turn(self) -> None:
        self._turn = None
        is_open = self.state is not DISCARDING_INPUT and not self.transport.is_closing()
        if self.has_input() and self._is_free() and is_open:
            self._parse()

    def _is_free(self) -> bool:
        """Say whether the parser may have more of a request, or a new one as the last response is written and read."""
        if self.state is BODY or self.state is UPGRADE:
            return True
        cycle = self.cycle
        return (cycle is None or cycle.response_complete) and not self.flow.write_paused  # pyright: ignore[reportUnnecessaryComparison]  # None at first

    def _parse(self) -> None:
        """Give the parser a turn's worth up to the end of a request, in pieces of which none reaches beyond it."""
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
        """Return the first place behind `at` where a request may end, or where a turn does."""
        if self.state is BODY:
            if self._body_left is None:
                self._body_left = self.body_length()
            if self._body_left:
                end = min(at + self._body_left, len(data))
                self._body_left -= end - at
                return end
        if self._last_bytes:
            # The end may have begun in the piece before.
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
    """Say whether this is one request, or a head alone, and nothing behind it: nearly always it is."""
    end = data.find(_END, 0, MAX_TURN_BYTES)
    behind = len(data) - end - len(_END)
    if end < 0 or not behind:
        return end >= 0
    # Other ways to write the field are right, too, but rare; they take the long way.
    at = data.rfind(_length(behind), 0, end + 2)
    return at > 0 and data[at - len(_FIELD) : at].lower() == _FIELD


@lru_cache(1024)
def _length(length: int) -> bytes:
    return b"ength: %d\r\n" % length
