"""HTTP/1.1 as uvicorn parses it, with limits where uvicorn has none, and problems where it answers in plain text.

uvicorn collects a request's head without limit of size or time, takes trailers for headers, answers a malformed
request before the one that is still being worked on, and after an upgrade that nobody asked for reads a request's
body as the next request.
"""

from asyncio import TimerHandle, Transport
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from accord import logs
from accord.api import metrics
from accord.api.answers import AT_ONCE, Header, fields, problem_answer
from accord.api.request import new_request_id
from accord.problems import InvalidToken, Problem, ValidationFailed

SOCKET_PATH = b"/api/v1/ws"
MAX_URL = 8192
MAX_HEAD = 32_768
"""Bytes of all header names and values together."""
MOST_HANDSHAKE_HEADERS = 100
LONGEST_HANDSHAKE_HEADER = 8000
MALFORMED = "must be a well-formed HTTP/1.1 request"
LONG_URL = f"must have a URL of at most {MAX_URL} characters"
LONG_HEAD = f"must have headers of at most {MAX_HEAD} characters in all"


CLOSE: Header = (b"connection", b"close")


class HttpProtocol(HttpToolsProtocol):
    """One connection of a client."""

    def __init__(self, *, always: tuple[Header, ...], patience: float, **given: Any) -> None:
        """Take the headers that every answer has, and the seconds that a head may take."""
        super().__init__(**given)
        self._always = always
        self._patience = patience
        self._timer: TimerHandle | None = None
        self._in_head = True
        self._advanced = False
        self._chunk = 0
        self._waiting = bytearray()
        self._problem: Problem | None = None
        self._deaf = False
        self._upgrades = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Expect the first head."""
        super().connection_made(transport)
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; bytes that complete neither a head nor a piece of a body are kept in sight."""
        if self._deaf:
            return
        self._advanced = False
        self._chunk = len(data)
        super().data_received(data)
        if self._advanced:
            self._waiting.clear()
            return
        self._waiting += data[: MAX_URL + MAX_HEAD]
        if len(self._waiting) >= MAX_URL + MAX_HEAD:
            self._problem = _too_large(self._waiting.rpartition(b"\n")[2].partition(b":")[0])
            self.send_400_response(LONG_HEAD)
        elif self._in_head:
            self._be_patient()

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Start the request; an exception here is the parser's, and ends in `send_400_response`."""
        self._in_head = False
        self._advanced = True
        self._stop_timer()
        if len(self.url) > MAX_URL:
            self._problem = _malformed(LONG_URL)
            raise self._problem
        # Only what arrived in many bytes can have a large head.
        if len(self._waiting) + self._chunk > MAX_HEAD and sum(len(n) + len(v) for n, v in self.headers) > MAX_HEAD:
            self._problem = _too_large(max(self.headers, key=lambda header: len(header[1]))[0])
            raise self._problem
        self._upgrades = self.url.partition(b"?")[0] == SOCKET_PATH and self._is_handshake()
        super().on_headers_complete()
        self.scope["extensions"] = {AT_ONCE: {"answer": partial(self._answer, self.cycle)}}
        # Trailers come to `on_header` too; no proxy looked at them, so they must not count as headers.
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Give a piece of the body to the request; of one that was answered already, discard it for a while."""
        self._advanced = True
        if self.cycle.response_complete:
            self._be_patient()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next head."""
        self._in_head = True
        self._advanced = True
        self._stop_timer()
        super().on_message_complete()

    def _should_upgrade(self) -> bool:
        return self._upgrades

    def _is_handshake(self) -> bool:
        """Say whether the socket's protocol can read this head: what it cannot, it leaves without an answer."""
        names = {name for name, _ in self.headers}
        return (
            super()._should_upgrade()
            and self.parser is not None
            and self.parser.get_method() == b"GET"
            and not names & {b"content-length", b"transfer-encoding"}
            and len(self.headers) <= MOST_HANDSHAKE_HEADERS
            and all(len(name) + len(value) < LONGEST_HANDSHAKE_HEADER for name, value in self.headers)
        )

    def _unsupported_upgrade_warning(self) -> None:
        """Answer as if no upgrade had been asked for; the parser skipped the body, so nothing can follow."""
        self._deaf = True
        self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text
        """Refuse what is not HTTP, in its turn, and end the connection: where the next request begins is unknown."""
        self._deaf = True
        request = self.cycle
        if request is None or request.response_complete:  # pyright: ignore[reportUnnecessaryComparison]  # None at first
            self._refuse(self._problem or _malformed(MALFORMED))
        elif self._in_head and not request.more_body:
            request.keep_alive = False
        else:
            request.disconnected = True
            request.message_event.set()
            if request.response_started or self.pipeline:
                self.transport.close()
            else:
                self._refuse(self._problem or _malformed(MALFORMED))

    def _answer(self, cycle: RequestResponseCycle, status: int, headers: list[Header], body: bytes) -> bool:
        """Write a whole answer; uvicorn's way, made for answers in pieces, takes as long as routing and validation."""
        if cycle.disconnected or self.flow.write_paused:
            return False
        if CLOSE in headers:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            headers.append(CLOSE)
        lines = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) // 4 + 1:
            raise ValueError("A header has a line end: what follows would be another header, or the body.")
        cycle.response_started = cycle.response_complete = True
        self.transport.write(head + b"\r\n" + (b"" if cycle.scope["method"] == "HEAD" else body))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self._hang_up(still_sends=self._deaf or cycle.more_body)
        cycle.on_response()
        return True

    def _hang_up(self, *, still_sends: bool) -> None:
        """End the connection; closing while the client still sends would reset it, and the answer with it."""
        if still_sends:
            self._deaf = True
            self.transport.write_eof()
            self._be_patient()
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        request_id = new_request_id()
        answer = problem_answer(problem, request_id, "/")
        answer.headers.append(CLOSE)
        head = [*self.server_state.default_headers, *fields(answer, request_id, self._always)]
        lines = [name + b": " + value for name, value in head]
        self.transport.write(STATUS_LINE[answer.status] + b"\r\n".join([*lines, b"", answer.body]))
        self._hang_up(still_sends=True)
        metrics.request_done("none", answer.status, 0.0, answer.error_code)
        logs.request_line(request_id, None, answer.status, 0.0)

    def _be_patient(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._patience, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _malformed(rule: str) -> Problem:
    return ValidationFailed(errors=[{"field": "", "message": rule}])


def _too_large(header: bytes | bytearray) -> Problem:
    """Refuse a head for the header that made it so; a token that is too long to be read is not a good one."""
    return InvalidToken() if header.strip().lower() == b"authorization" else _malformed(LONG_HEAD)
