"""Operations without ASGI: the protocol runs the edge itself, and writes each whole response as one piece of bytes.

A request for an operation that arrived as a whole, as nearly all do, is served without ASGI, whose scope, messages and
task for each request cost more than the operation. uvicorn serves the other requests: pages, streams and bodies in
pieces. A request that has to wait gets a cycle and a task of uvicorn's, so that uvicorn counts the request.
"""

from asyncio import Event
from typing import TYPE_CHECKING, Any, cast

from accord.edge.fast_path.response_head import ResponseHeads
from accord.edge.fast_path.run_until_blocked import CoroutineRunner
from accord.edge.pipeline.request import Request, peer_of
from accord.edge.responses import CLOSE, WHOLE_RESPONSE, Response
from accord.edge.server.cycle import Cycle
from accord.edge.server.head_rules import Target
from accord.edge.server.http_protocol import HttpProtocol
from accord.edge.server.turns import DISCARDING_INPUT, UPGRADE
from accord.problems import InternalError
from accord.telemetry import logs

if TYPE_CHECKING:
    from accord.edge.pipeline.compiled_edge import Edge, Found


class FastPathProtocol(HttpProtocol):
    """One connection of a client; `HttpProtocol` gives the same responses without this class."""

    def __init__(self, *, edge: "Edge", response_heads: ResponseHeads, runner: CoroutineRunner, **kwargs: Any) -> None:
        """Take the edge, and the response heads and the runner that all connections share."""
        super().__init__(**kwargs)
        self._edge = edge
        self._response_heads = response_heads
        self._runner = runner
        self._peer = ""
        self._buffered: tuple[Request, Found] | None = None
        """The request for an operation whose last byte has not come yet."""
        self._suspended: Cycle | None = None
        """The cycle of an operation that had to wait."""

    def connection_made(self, transport: Any) -> None:
        """Keep the address of the client, which uvicorn writes into each scope."""
        super().connection_made(transport)
        self._peer = peer_of(self.client, self.server)

    def parsed(self, data: bytes) -> None:
        """Let uvicorn serve a request that did not arrive as a whole."""
        if self._buffered is not None:
            self._leave_to_uvicorn(self._buffered[0])
        super().parsed(data)

    def send_400_response(self, msg: str) -> None:
        """Drop a request that broke off: its fields may hold a token."""
        self._buffered = None
        super().send_400_response(msg)

    def on_body(self, body: bytes) -> None:
        """Keep a body that arrives in one piece; uvicorn has not seen the request yet."""
        if self._buffered is not None:
            request, _ = self._buffered
            if not request.body:
                request.body = body
                self._has_progressed = True
                return
            self._leave_to_uvicorn(request)
        super().on_body(body)

    def _begin_request(self, target: Target) -> None:
        """Keep a request for an operation here until its last byte has arrived."""
        parser = self.parser
        if not (self.expect_100_continue or parser is None or parser.should_upgrade()):  # pyright: ignore[reportUnnecessaryComparison]  # None once the client has disconnected
            found = self._edge.find(target.method, target.path)
            if found is not None:
                request = Request(target.method, target.path, target.query, self._fields, self._peer, body=b"")
                self._buffered = request, found
                return
        self._begin_cycle()

    def _complete_request(self) -> None:
        """Run the operation now; an operation that has to wait gets a cycle, and uvicorn counts its task."""
        if self._buffered is None:
            super()._complete_request()
            return
        (request, found), self._buffered = self._buffered, None
        parser = self.parser
        assert parser is not None  # the parser is the caller of this method
        keeps_alive = parser.should_keep_alive()
        if b"connection" in request.headers and parser.get_http_version() == "1.0":
            keeps_alive = False
        task = self._runner.run_until_blocked(self._serve(request, found, keeps_alive=keeps_alive))
        if task is None:
            return
        self.cycle = self._suspended = self._cycle(request, keeps_alive=keeps_alive)
        self._edge.waits(request, task)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _begin_cycle(self) -> None:
        """Offer the application the extension that writes whole responses."""
        super()._begin_cycle()
        if self.state is not UPGRADE:
            self.scope["extensions"] = {WHOLE_RESPONSE: {"write": self._write_whole}}

    def _leave_to_uvicorn(self, request: Request) -> None:
        """Begin uvicorn's cycle for a request of which a part is still missing."""
        self._buffered = None
        self._begin_cycle()
        if request.body:
            super().on_body(request.body)

    async def _serve(self, request: Request, found: "Found", *, keeps_alive: bool) -> None:
        is_sent = False
        try:
            response = await self._edge.respond(request, found)
            cycle, self._suspended = self._suspended, None
            if cycle is None:
                self._write(response, request.id, request.method, keeps_alive=keeps_alive)
                self._responded()
            else:
                scope, send = cast("Any", cycle.scope), cast("Any", cycle.send)
                await self._edge.send(scope, request, response, send)
            is_sent = True
            self._edge.note(request, response)
        except Exception as error:  # noqa: BLE001 - an exception here would look like the parser's
            logs.exception("A response could not be sent or counted.", error, request_id=request.id)
            if is_sent:
                self.transport.close()  # A client would take a second response for the next request's.
            else:
                self._refuse(InternalError())

    def _cycle(self, request: Request, *, keeps_alive: bool) -> Cycle:
        scope: Any = {"method": request.method}
        cycle = Cycle(
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
        scope["extensions"] = {WHOLE_RESPONSE: {"write": self._write_whole}}
        return cycle

    def _write_whole(self, response: Response, request_id: str) -> bool:
        """Write a whole response: uvicorn's `send`, made for pieces, takes as long as routing and validation."""
        # The cycle is no argument: bound to the cycle, this function would be in a reference cycle with it, which
        # stays in memory until the garbage collector runs.
        cycle = self.cycle
        if cycle is None or cycle.disconnected or self.flow.write_paused:  # pyright: ignore[reportUnnecessaryComparison]  # None once the client has disconnected
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        method, keeps_alive = cycle.scope["method"], cycle.keep_alive
        self._write(response, request_id, method, keeps_alive=keeps_alive, still_sends=cycle.more_body)
        cycle.on_response()
        return True

    def _write(
        self, response: Response, request_id: str, method: str, *, keeps_alive: bool, still_sends: bool = False
    ) -> None:
        if CLOSE in response.headers:
            keeps_alive = False
        elif not keeps_alive:
            response.headers.append(CLOSE)
        head = self._response_heads.head(response, request_id, self.server_state.default_headers)
        self.transport.write(head if method == "HEAD" else head + response.body)
        if not keeps_alive:
            self._end_connection(still_sends=self.state is DISCARDING_INPUT or still_sends or self.has_input())
