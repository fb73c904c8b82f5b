"""HTTP/1.1 as uvicorn parses it, with limits where uvicorn has none, and problems where it responds in plain text.

uvicorn collects a request's head without limit of size or time, takes trailers for headers, and after an upgrade that
no client requested reads a request's body as the next request.
"""

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from accord.edge.pipeline import metrics
from accord.edge.pipeline.request import fields_of, new_request_id
from accord.edge.pipeline.websocket_handshake import PATH
from accord.edge.responses import CLOSE, Header, fields, problem_response
from accord.edge.server import head_rules
from accord.edge.server.cycle import Cycle
from accord.edge.server.head_rules import DECISIVE, MAX_HEAD, MAX_URL, Target
from accord.edge.server.turns import BODY, DISCARDING_INPUT, HEAD, IDLE, UPGRADE, InTurn
from accord.problems import Problem
from accord.telemetry import logs

if TYPE_CHECKING:
    from asyncio import TimerHandle
    from collections.abc import Sequence

_NO_FIELDS: dict[bytes, bytes] = {}


class HttpProtocol(InTurn):
    """One connection of a client."""

    def __init__(self, *, constant_headers: tuple[Header, ...], head_timeout: float, **kwargs: Any) -> None:
        """Take the headers that every response has, and the seconds in which a head must be complete."""
        super().__init__(**kwargs)
        self._constant_headers = constant_headers
        self._head_timeout = head_timeout
        self._timer: TimerHandle | None = None
        self._head: Sequence[Header] = ()
        self._fields = _NO_FIELDS
        self._host = b""
        """The host of the last head; most heads of a connection name the same one."""
        self._unfinished = bytearray()
        """Bytes that completed neither a head nor a piece of a body; at most MAX_URL + MAX_HEAD."""
        self._has_progressed = False
        """Whether the bytes that are being parsed completed a head or a piece of a body."""
        self._problem: Problem | None = None
        self._responded_at = 0.0

    def connection_made(self, transport: Any) -> None:
        """Limit the time of the first head: uvicorn's timeout begins with the first response."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers: uvicorn leaves its own running after an error."""
        self._stop_timer()
        self._stop_keep_alive()
        super().connection_lost(exc)

    def parsed(self, data: bytes) -> None:
        """Limit bytes that complete neither a head nor a piece of a body in size and time, as a head is."""
        if self._has_progressed:
            self._has_progressed = False
            self._unfinished.clear()
            return
        self._unfinished += data[: MAX_URL + MAX_HEAD]
        if len(self._unfinished) >= MAX_URL + MAX_HEAD:
            self._problem = head_rules.too_large(self._unfinished.rpartition(b"\n")[2].partition(b":")[0])
            self.send_400_response(head_rules.LONG_HEAD)
        elif self.state is HEAD or self.state is IDLE:
            self._start_timer()

    def on_message_begin(self) -> None:
        """Begin a head without a scope: uvicorn makes a scope before the head is checked."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a field; `Expect` is checked with the whole head, not here as uvicorn does."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Check the head before uvicorn starts the request; an exception here ends in `send_400_response`."""
        self.state, self._body_left = BODY, None
        self._has_progressed = True
        if self._timer is not None:
            self._stop_timer()
        # Empty lines before a request are ignored.
        head = (self._unfinished + self.piece if self._unfinished else self.piece).lstrip(b"\r\n")
        try:
            target = self._checked_target(head)
        except Problem as problem:
            self._problem = problem
            raise
        if target.path == PATH and self._is_handshake(target):
            self.state = UPGRADE
        # Trailers are given to `on_header`, too; no proxy checked them, so trailers must not count as headers.
        self._head, self.headers = self.headers, []
        self._begin_request(target)

    def _checked_target(self, head: bytes | bytearray) -> Target:
        """Return the target of the request. Raises the problem of the head."""
        if len(head) > MAX_URL:
            head_rules.check_size(self.url, self.headers)
        target = head_rules.target_of(head)
        self._fields = fields = fields_of(self.headers)
        # Most heads have no other field to check here.
        if fields.get(b"host") != self._host or not DECISIVE.isdisjoint(fields):
            head_rules.check(self.headers, is_http_1_0=target.is_http_1_0)
            self._host = fields.get(b"host", b"")
            self.expect_100_continue = b"expect" in fields and not target.is_http_1_0
        return target

    def body_length(self) -> int:
        """Return `Content-Length`, which the parser has checked to be a number; 0 without the field."""
        return next((int(value) for name, value in self._head if name == b"content-length"), 0)

    def on_body(self, body: bytes) -> None:
        """Limit the time of a body that arrives after its response: uvicorn discards such a body without limit."""
        self._has_progressed = True
        if self.cycle.response_complete:
            self._start_timer()
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next head, a state that uvicorn lacks; an idle connection must not hold the last token."""
        if self.state is UPGRADE:
            return
        self.state, self._has_progressed = IDLE, False
        self._head, self._fields = (), _NO_FIELDS
        if self._unfinished:
            self._unfinished.clear()
        if self._timer is not None:
            self._stop_timer()
        self._complete_request()

    def on_response_complete(self) -> None:
        """End the connection where uvicorn would close it, and begin the next turn: uvicorn has a queue of requests."""
        if self.cycle.ends_connection:  # type: ignore[attr-defined]  # each is a Cycle
            is_followed = self.state is DISCARDING_INPUT or self.cycle.more_body or self.has_input()
            self._end_connection(still_sends=is_followed)
        # The scope holds the fields of the request, tokens included.
        self.cycle.scope = self.scope = None  # type: ignore[assignment]  # as at the beginning
        self._responded()

    def _responded(self) -> None:
        """Expect the next request; one timer that reads the last response's time costs less than one per response."""
        self._responded_at = self.loop.time()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        if self._input or self.flow.read_paused:
            self.next_turn()

    def _unset_keepalive_if_required(self) -> None:
        """Keep the timer, which uvicorn stops at each read: the handler checks whether the connection is idle."""

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it is idle: uvicorn has a timer for each response, this class one for all."""
        is_idle = self._timer is None and (self.cycle is None or self.cycle.response_complete)  # pyright: ignore[reportUnnecessaryComparison]  # None at first
        left = self._responded_at + self.timeout_keep_alive - self.loop.time() if is_idle else self.timeout_keep_alive
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _stop_keep_alive(self) -> None:
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def handle_websocket_upgrade(self) -> None:
        """Stop the keep-alive timer, which uvicorn would have stopped at the last read."""
        self._stop_keep_alive()
        super().handle_websocket_upgrade()

    def _should_upgrade(self) -> bool:
        """Upgrade for handshakes of the live socket only: uvicorn upgrades at any path."""
        return self.state is UPGRADE

    def _is_handshake(self, target: Target) -> bool:
        """Return whether the socket's protocol can read this head; to other heads that protocol sends no response."""
        names = {name for name, _ in self.headers}
        return (
            super()._should_upgrade()
            and target.method == "GET"
            and not target.is_http_1_0
            and not names & {b"content-length", b"transfer-encoding"}
            and len(self.headers) <= head_rules.MAX_HANDSHAKE_HEADERS
            and all(len(name) + len(value) < head_rules.MAX_HANDSHAKE_HEADER for name, value in self.headers)
        )

    def _unsupported_upgrade_warning(self) -> None:
        """Respond as if no upgrade had been requested, and end the connection: the parser skipped the body."""
        self.state = DISCARDING_INPUT
        self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text
        """Respond with a problem, not plain text, and end the connection: the place of the next head is unknown."""
        if self.state is DISCARDING_INPUT:
            return
        self.state = DISCARDING_INPUT
        self._head, self._fields = (), _NO_FIELDS
        request = self.cycle
        if request is not None and not request.response_complete:  # pyright: ignore[reportUnnecessaryComparison]  # None at first
            # The body of the last request broke off.
            request.disconnected = True
            request.message_event.set()
            if request.response_started:
                self.transport.close()
                return
        self._refuse(self._problem or head_rules.malformed(head_rules.MALFORMED))

    def _begin_request(self, target: Target) -> None:  # noqa: ARG002  # for the fast path
        """Begin a request whose head is complete; the fast path overrides this method."""
        self._begin_cycle()

    def _complete_request(self) -> None:
        """Complete a request whose last byte has arrived."""
        super().on_message_complete()

    def _begin_cycle(self) -> None:
        """Start the request with a scope, a cycle and a task; uvicorn makes the scope where it begins a head."""
        url, expects = self.url, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += self._head
        super().on_headers_complete()
        self.headers = []
        if self.state is not UPGRADE:
            # uvicorn has no parameter for another class; the task of the cycle begins after this.
            self.cycle.__class__ = Cycle

    def _end_connection(self, *, still_sends: bool) -> None:
        """End the connection; a close while the client still sends would reset it, and the response would be lost."""
        self.state = DISCARDING_INPUT
        if still_sends:
            self.release()
            self.transport.write_eof()
            self._start_timer()
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Write a problem for a request without a cycle."""
        request_id = new_request_id()
        response = problem_response(problem, request_id, "/")
        response.headers.append(CLOSE)
        headers = [*self.server_state.default_headers, *fields(response, request_id, self._constant_headers)]
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join([STATUS_LINE[response.status], *lines, b"\r\n", response.body]))
        self._end_connection(still_sends=True)
        metrics.request_done("none", response.status, 0.0, response.error_code)
        logs.request_line(request_id, None, response.status, 0.0)

    def _start_timer(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self._head_timeout, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
