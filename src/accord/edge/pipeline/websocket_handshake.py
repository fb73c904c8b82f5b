"""The handshake of live sockets: their one path, the listed origins, and a limit to new connections."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack

from accord.edge.pipeline.client_address import ClientAddress
from accord.edge.pipeline.cors import Origins, is_own
from accord.edge.pipeline.limits import Limits
from accord.edge.pipeline.request import Receive, Request, Scope, Send
from accord.edge.responses import Header, fields, problem_response
from accord.problems import Forbidden, NotFound, Problem, RateLimitExceeded
from accord.telemetry import logs

PATH = "/api/v1/ws"


class Visit(ExitStack):
    """One accepted connection, as the limits count it."""

    def __init__(self, limits: Limits, request: Request) -> None:
        super().__init__()
        self._limits = limits
        self._request = request

    def admits(self, account_id: str) -> bool:
        """Count the connection against an account; False when the account has too many, or too many new ones."""
        try:
            self._limits.check_connection_of(account_id)
        except RateLimitExceeded:
            return False
        self.enter_context(self._limits.opened(account_id))
        return True

    def may_try_again(self) -> bool:
        """Count an invalid token against the address; False when the address has sent too many."""
        self._request.limits = []
        try:
            self._limits.count_refusal(self._request)
        except RateLimitExceeded:
            return False
        return True


WRITE_FRAME = "accord.write_frame"
"""The extension of the ASGI scope: `{"write": …}`, a function that writes a whole frame, or returns False."""
WriteFrame = Callable[[bytes], bool]
Live = Callable[[Receive, Send, Visit, WriteFrame | None], Awaitable[None]]


class WebSocketHandshake:
    """Passes connections on to the live part, or responds to the handshake with a problem."""

    def __init__(
        self,
        live: Live,
        origins: Origins,
        addresses: ClientAddress,
        limits: Limits,
        always: tuple[Header, ...],
    ) -> None:
        """Take the function that serves connections, and the origins whose pages may connect."""
        self._live = live
        self._origins = origins
        self._addresses = addresses
        self._limits = limits
        self._always = always

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one handshake, and serve its connection."""
        request = Request.from_scope(scope, receive)
        request.address = self._addresses.resolve(request)
        await receive()  # the request to connect
        try:
            self._check(request)
        except Problem as problem:
            await self._refuse(request, problem, send)
            return
        with Visit(self._limits, request) as visit:
            extension = scope["extensions"].get(WRITE_FRAME)
            await self._live(receive, send, visit, None if extension is None else extension["write"])

    def _check(self, request: Request) -> None:
        if request.path != PATH:
            raise NotFound
        origin = request.headers.get(b"origin")
        if origin is not None and not self._origins.admits(origin) and not is_own(origin, request):
            self._origins.tell(origin, request)
            raise Forbidden("CORS_ORIGINS does not list the origin of this page.")
        self._limits.check_connection(request)

    async def _refuse(self, request: Request, problem: Problem, send: Send) -> None:
        response = problem_response(problem, request.id, request.path)
        headers = fields(response, request.id, self._always)
        await send({"type": "websocket.http.response.start", "status": response.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": response.body})
        logs.request_line(request.id, None, response.status, request.elapsed(), method="GET", path=request.path)
