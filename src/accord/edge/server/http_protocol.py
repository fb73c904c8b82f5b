"""HTTP/1.1 as uvicorn parses it, with limits where uvicorn has none, and problems where it answers in plain text.

uvicorn collects a request's head without limit of size or time, takes trailers for headers, and after an upgrade that
nobody asked for reads a request's body as the next request.

A request for an operation that arrived as a whole, as nearly all do, is answered without ASGI, whose scope, messages
and task for each request cost more than the operation. uvicorn's way is for everything else: pages, streams and bodies
in pieces; and for what has to wait, so that it keeps count of it.
"""

from asyncio import Event, TimerHandle, Transport
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from accord.edge.fast_path.response_head import CLOSE, Heads
from accord.edge.fast_path.run_until_blocked import Eager
from accord.edge.pipeline import metrics
from accord.edge.pipeline.request import Request, fields_of, new_request_id, peer_of
from accord.edge.responses import AT_ONCE, Answer, Header, problem_answer
from accord.edge.server import head_rules
from accord.edge.server.head_rules import DECISIVE, MAX_HEAD, MAX_URL, Target
from accord.edge.server.turns import InTurn
from accord.problems import InternalError, Problem
from accord.telemetry import logs

if TYPE_CHECKING:
    from accord.edge.pipeline.compiled_edge import Edge, Found

SOCKET_PATH = "/api/v1/ws"


class HttpProtocol(InTurn):
    """One connection of a client."""

    def __init__(self, *, heads: Heads, eager: Eager, edge: "Edge | None", patience: float, **given: Any) -> None:
        """Take the seconds that a head may take; without the edge all is done uvicorn's way."""
        super().__init__(**given)
        self._heads = heads
        self._eager = eager
        self._edge = edge
        self._patience = patience
        self._head: list[Header] = []
        self._held: tuple[Request, Found] | None = None
        self._suspended: RequestResponseCycle | None = None
        self._answered_at = 0.0
        self._timer: TimerHandle | None = None
        self._advanced = False
        self._waiting = bytearray()
        self._fields: dict[bytes, bytes] = {}
        self._host = b""
        self._problem: Problem | None = None
        self._upgrades = False
        self._peer = ""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Expect the first head."""
        super().connection_made(transport)
        self._peer = peer_of(self.client, self.server)
        self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._stop_timer()
        self._stop_keep_alive()
        super().connection_lost(exc)

    def parsed(self, data: bytes) -> None:
        """Let bytes that complete neither a head nor a piece of a body count as a head, which has its size and time."""
        if self._held is not None:
            self._leave_to_uvicorn(self._held[0])
        if self._advanced:
            self._advanced = False
            self._waiting.clear()
            return
        self._waiting += data[: MAX_URL + MAX_HEAD]
        if len(self._waiting) >= MAX_URL + MAX_HEAD:
            self._problem = head_rules.too_large(self._waiting.rpartition(b"\n")[2].partition(b":")[0])
            self.send_400_response(head_rules.LONG_HEAD)
        elif self.is_in_head:
            self._be_patient()

    def on_message_begin(self) -> None:
        """Begin a head."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a field."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Start the request; an exception here is the parser's, and ends in `send_400_response`."""
        self.is_in_head, self._body_left = False, None
        self._advanced = True
        if self._timer is not None:
            self._stop_timer()
        # Empty lines before a request count as nothing.
        head = (self._waiting + self.piece if self._waiting else self.piece).lstrip(b"\r\n")
        try:
            target = self._checked_target(head)
        except Problem as problem:
            self._problem = problem
            raise
        self._upgrades = target.path == SOCKET_PATH and self._is_handshake(target)
        # Trailers come to `on_header` too; no proxy looked at them, so they must not count as headers.
        self._head, self.headers = self.headers, []
        self._held = self._operation(target)
        if self._held is None:
            self._begin_uvicorns_way()

    def _checked_target(self, head: bytes | bytearray) -> Target:
        """Return what is asked for. Raises the problem with the head."""
        if len(head) > MAX_URL:
            head_rules.check_size(self.url, self.headers)
        target = head_rules.target_of(head)
        self._fields = fields = fields_of(self.headers)
        # Most heads of a connection name the same host, and have nothing else that is to be looked at first.
        if fields.get(b"host") != self._host or not DECISIVE.isdisjoint(fields):
            head_rules.check(self.headers, is_http_1_0=target.is_http_1_0)
            self._host = fields.get(b"host", b"")
            self.expect_100_continue = b"expect" in fields and not target.is_http_1_0
        return target

    def body_length(self) -> int:
        """Look the length up, which the parser found to be a number."""
        return next((int(value) for name, value in self._head if name == b"content-length"), 0)

    def on_body(self, body: bytes) -> None:
        """Give a piece of the body to the request; of one that was answered already, discard it for a while."""
        self._advanced = True
        if self._held is not None:
            request, _ = self._held
            if not request.body:
                request.body = body
                return
            self._leave_to_uvicorn(request)
        if self.cycle.response_complete:
            self._be_patient()
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next head."""
        self.is_in_head = self.is_done = True
        self._advanced = False
        if self._waiting:
            self._waiting.clear()
        if self._timer is not None:
            self._stop_timer()
        if self._held is not None:
            (request, found), self._held = self._held, None
            self._begin(request, found)
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Expect the next request; a timer for each answer would cost more than one that looks how long ago it was."""
        self._answered_at = self.loop.time()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        if self._came or self.flow.read_paused:
            self.next_turn()

    def _unset_keepalive_if_required(self) -> None:
        """Leave the timer: it finds out that the connection was used."""

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if nothing was asked since the last answer, and that was long enough ago."""
        is_idle = self._timer is None and (self.cycle is None or self.cycle.response_complete)  # pyright: ignore[reportUnnecessaryComparison]  # None at first
        left = self._answered_at + self.timeout_keep_alive - self.loop.time() if is_idle else self.timeout_keep_alive
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()

    def _stop_keep_alive(self) -> None:
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the socket's protocol."""
        self._stop_keep_alive()
        super().handle_websocket_upgrade()

    def _should_upgrade(self) -> bool:
        return self._upgrades

    def _is_handshake(self, target: Target) -> bool:
        """Say whether the socket's protocol can read this head: what it cannot, it leaves without an answer."""
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
        """Answer as if no upgrade had been asked for; the parser skipped the body, so nothing can follow."""
        self.is_deaf = True
        self.cycle.keep_alive = False

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text
        """Refuse what is not HTTP, and end the connection: where the next request begins is unknown."""
        if self.is_deaf:
            return
        self.is_deaf, self._held = True, None
        request = self.cycle
        if request is not None and not request.response_complete:  # pyright: ignore[reportUnnecessaryComparison]  # None at first
            # Its body broke off.
            request.disconnected = True
            request.message_event.set()
            if request.response_started:
                self.transport.close()
                return
        self._refuse(self._problem or head_rules.malformed(head_rules.MALFORMED))

    def _operation(self, target: Target) -> "tuple[Request, Found] | None":
        """Return the request if it is one for an operation, so that uvicorn need not know of it."""
        edge, parser = self._edge, self.parser
        if edge is None or parser is None or self.expect_100_continue or parser.should_upgrade():
            return None
        found = edge.find(target.method, target.path)
        if found is None:
            return None
        return Request(target.method, target.path, target.query, self._fields, self._peer, body=b""), found

    def _begin_uvicorns_way(self) -> None:
        """Start the request with a scope, a cycle and a task; uvicorn makes the scope where it begins a head."""
        url, expects = self.url, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers += self._head
        super().on_headers_complete()
        self.headers = []
        if not self._upgrades:
            self.scope["extensions"] = {AT_ONCE: {"answer": self._answer}}
            if self.scope["http_version"] == "1.0":
                self.cycle.__class__ = _WithoutChunks

    def _leave_to_uvicorn(self, request: Request) -> None:
        """Begin a request of which a part is still missing."""
        self._held = None
        self._begin_uvicorns_way()
        if request.body:
            super().on_body(request.body)

    def _begin(self, request: Request, found: "Found") -> None:
        """Answer a request that is here as a whole; one that has to wait gets a cycle, and uvicorn counts its task."""
        assert self._edge is not None
        assert self.parser is not None
        keeps_alive = self.parser.should_keep_alive()
        if b"connection" in request.headers and self.parser.get_http_version() == "1.0":
            keeps_alive = False
        task = self._eager.run(self._serve(self._edge, request, found, keeps_alive=keeps_alive))
        if task is None:
            return
        self.cycle = self._suspended = self._cycle(request, keeps_alive=keeps_alive)
        self._edge.waits(request, task)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _serve(self, edge: "Edge", request: Request, found: "Found", *, keeps_alive: bool) -> None:
        is_sent = False
        try:
            answer = await edge.answer(request, found)
            cycle, self._suspended = self._suspended, None
            if cycle is None:
                self._write(answer, request.id, request.method, keeps_alive=keeps_alive)
                self.on_response_complete()
            else:
                scope, send = cast("Any", cycle.scope), cast("Any", cycle.send)
                await edge.send(scope, request, answer, send)
            is_sent = True
            edge.note(request, answer)
        except Exception as error:  # noqa: BLE001 - an exception here would look like the parser's
            logs.exception("An answer could not be sent or noted.", error, request_id=request.id)
            if is_sent:
                self.transport.close()  # A second answer would be taken for that to the next request.
            else:
                self._refuse(InternalError())

    def _cycle(self, request: Request, *, keeps_alive: bool) -> RequestResponseCycle:
        scope: Any = {"method": request.method}
        cycle = RequestResponseCycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=Event(),
            expect_100_continue=False,
            keep_alive=keeps_alive,
            on_response=self.on_response_complete,
        )
        cycle.more_body = False
        scope["extensions"] = {AT_ONCE: {"answer": self._answer}}
        return cycle

    def _answer(self, answer: Answer, request_id: str) -> bool:
        """Write a whole answer; uvicorn's way, made for answers in pieces, takes as long as routing and validation."""
        # Told of its cycle, it would be in a ring with it, which stays until the garbage collector stops everybody.
        cycle = self.cycle
        if cycle is None or cycle.disconnected or self.flow.write_paused:  # pyright: ignore[reportUnnecessaryComparison]  # None once the client is gone
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        method, keeps_alive = cycle.scope["method"], cycle.keep_alive
        self._write(answer, request_id, method, keeps_alive=keeps_alive, still_sends=cycle.more_body)
        cycle.on_response()
        return True

    def _write(
        self, answer: Answer, request_id: str, method: str, *, keeps_alive: bool, still_sends: bool = False
    ) -> None:
        if CLOSE in answer.headers:
            keeps_alive = False
        elif not keeps_alive:
            answer.headers.append(CLOSE)
        head = self._heads.head(answer, request_id, self.server_state.default_headers)
        self.transport.write(head if method == "HEAD" else head + answer.body)
        if not keeps_alive:
            self._hang_up(still_sends=self.is_deaf or still_sends or self.is_followed())

    def _hang_up(self, *, still_sends: bool) -> None:
        """End the connection; closing while the client still sends would reset it, and the answer with it."""
        self.is_deaf = True
        if still_sends:
            self.release()
            self.transport.write_eof()
            self._be_patient()
        else:
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        request_id = new_request_id()
        answer = problem_answer(problem, request_id, "/")
        answer.headers.append(CLOSE)
        self.transport.write(self._heads.head(answer, request_id, self.server_state.default_headers) + answer.body)
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


class _WithoutChunks(RequestResponseCycle):
    """A cycle of HTTP/1.0, which knows no chunks: a stream ends with its connection."""

    async def send(self, message: Any) -> None:
        """Send as uvicorn does, but for the chunks."""
        self.chunked_encoding = False
        self.expected_content_length += len(message.get("body", b""))
        await super().send(message)
