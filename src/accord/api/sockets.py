"""The door to the live sockets: only their path, known origins, and a limit to how often one may come."""

from collections.abc import Awaitable, Callable, Collection

from accord import logs
from accord.api.answers import Header, fields, problem_answer
from accord.api.client_address import ClientAddress, bucket_key
from accord.api.limits import Limits
from accord.api.request import Receive, Request, Scope, Send
from accord.problems import Forbidden, NotFound, Problem, RateLimitExceeded

PATH = "/api/v1/ws"
Live = Callable[[Receive, Send, Callable[[str], bool]], Awaitable[None]]


class SocketDoor:
    """Lets connections in to the live part, or answers them with a problem instead of the handshake."""

    def __init__(
        self,
        live: Live,
        origins: Collection[str],
        addresses: ClientAddress,
        limits: Limits,
        always: tuple[Header, ...],
    ) -> None:
        """Take who serves connections, and the origins that pages may come from."""
        self._live = live
        self._origins = {origin.encode() for origin in origins}
        self._addresses = addresses
        self._limits = limits
        self._always = always

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        request = Request.of(scope, receive)
        request.address = self._addresses.of(request)
        await receive()  # the request to connect
        try:
            self._check(request)
        except Problem as problem:
            await self._refuse(request, problem, send)
            return
        await self._live(receive, send, self._admits)

    def _check(self, request: Request) -> None:
        if request.path != PATH:
            raise NotFound
        origin = request.headers.get(b"origin")
        if origin is not None and origin not in self._origins and not _is_own(origin, request):
            raise Forbidden("CORS_ORIGINS does not list the origin of this page.")
        if not self._limits.exempts(request):
            self._limits.connection(f"address {bucket_key(request.address)}")

    def _admits(self, account_id: str) -> bool:
        try:
            self._limits.connection(f"account {account_id}")
        except RateLimitExceeded:
            return False
        return True

    async def _refuse(self, request: Request, problem: Problem, send: Send) -> None:
        answer = problem_answer(problem, request.id, request.path)
        headers = fields(answer, request.id, self._always)
        await send({"type": "websocket.http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": answer.body})
        logs.request_line(request.id, None, answer.status, request.elapsed(), method="GET", path=request.path)


def _is_own(origin: bytes, request: Request) -> bool:
    """Say whether the page came from this server, whatever scheme a proxy in front of it speaks."""
    return origin.partition(b"://")[2] == request.headers.get(b"host", b"")
