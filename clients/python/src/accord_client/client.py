"""The client: every operation of the contract, signed in, sent again where that is safe."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import datetime
from types import TracebackType
from typing import Final, ParamSpec, TypeVar, cast
from uuid import UUID, uuid4

import httpx
from websockets.asyncio.client import connect

from . import conflicts, jobs, pages
from .cache import Cache
from .errors import ConnectionFailed, SignedOut, error_of, other_account
from .generated.metadata import ANONYMOUS, FOR_ANYBODY, KEYED, REPEATABLE
from .generated.models import Job, Login, Logout, Refresh, SignedIn, User
from .generated.operations import AsyncOperations
from .generated.types import UNSET, Model, Request, Unset, write_time
from .live import Live, WebSocket
from .pages import Page
from .retries import send_with_retries
from .tokens import MemoryTokens, Session, TokenStore, is_of_another_account

M = TypeVar("M", bound=Model)
T = TypeVar("T")
R = TypeVar("R")
W = TypeVar("W")
P = ParamSpec("P")

_FIRST_ERROR: Final = 300
_UNAUTHORIZED: Final = 401
_KEY: Final = "Idempotency-Key"
# The service closes idle connections after 75 seconds, and proxies after 60: ours go first, so that none breaks in use.
_LIMITS: Final = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30.0)


class AsyncAccord(AsyncOperations):
    """A client of Accord. Every operation is a method under its operationId; each raises the errors of `errors`.

    Use it as `async with AsyncAccord("https://accord.example.org") as accord`, in one event loop.
    """

    def __init__(
        self,
        base_url: str,
        *,
        tokens: TokenStore | None = None,
        retries: int = 3,
        timeout: float = 30.0,
        headers: Mapping[str, str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        web_socket: WebSocket = connect,
    ) -> None:
        """Take where the service is.

        Args:
            base_url: The address of the service, without `/api`.
            tokens: Where the tokens of the session are kept; in memory without it.
            retries: How many times a request is sent again where that is safe; 0 turns it off.
            timeout: Seconds that one try may wait for the connection, or for the next part of the response.
            headers: Sent with every request.
            ssl_context: Which certificates are trusted, such as those of an authority of your own.
            transport: The transport of the requests, for proxies and tests.
            web_socket: The function that opens the socket of live updates, such as `partial(connect, proxy=...)`.
        """
        base_url, trusted = base_url.rstrip("/"), ssl_context or httpx.create_ssl_context()
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=timeout,
            headers=headers,
            verify=trusted,
            transport=transport,
            limits=_LIMITS,
        )
        self._retries = retries
        self._session = Session(tokens or MemoryTokens(), self._send_refresh)
        self.live = Live(base_url, self._session.access_token, headers or {}, trusted, web_socket)
        """The follower of changes: `async with accord.live.follow(key) as changes`."""
        self._caches: list[Cache] = []

    async def __aenter__(self) -> AsyncAccord:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection. The session stays: a client over the same token store goes on with it."""
        for cache in self._caches:
            await cache.close()
        await self.live.close()
        await self._session.close()
        await self._http.aclose()

    async def sign_in(self, email: str, password: str) -> User:
        """Sign in, and keep the tokens in the store. Raises InvalidCredentials and AccountLocked."""
        signed_in = await self.login(Login(email=email, password=password))
        await self._session.begin(signed_in)
        self.live.disconnect()  # The connection comes back as the account that signed in.
        return signed_in.user

    async def sign_out(self) -> None:
        """End the session, here and on the service."""
        refresh_token = await self._session.end()
        self.live.disconnect()  # Followers end with Unauthorized.
        if refresh_token is not None:
            await self.logout(Logout(refresh_token=refresh_token))

    def iterate(self, list_: Callable[P, Awaitable[Page[T]]], *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        """Yield every item of a list: `async for user in accord.iterate(accord.list_users, limit=100)`."""
        return pages.iterate(list_, *args, **kwargs)

    async def update_with_retry(
        self, read: Callable[[], Awaitable[R]], change: Callable[[R], Awaitable[W]], *, attempts: int = 10
    ) -> W:
        """Read a record and change it; when it has moved on meanwhile, read and change it again.

        Raises VersionConflict after the last attempt.
        """
        return await conflicts.update_with_retry(read, change, attempts=attempts)

    async def wait_for_job(self, job_id: UUID) -> Job:
        """Return a job once it has ended; raise the error of its problem, if it has one.

        `result["body"]` of a completed job of an operation is the response. A cancelled job has no result.
        """
        return await jobs.wait_for_job(lambda: self.get_job(job_id))

    def cache(self) -> Cache:
        """Return a cache of records of its own, which works on while the service is out of reach."""
        cache = Cache(self, self.live, self._account)
        self._caches.append(cache)
        return cache

    async def _get(self, request: Request, model: type[M]) -> M:
        response = await self._response(request)
        try:
            return model.from_dict(cast("dict[str, object]", response.json()))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise error_of(response.status_code, b"", _request_id(response)) from error

    async def _do(self, request: Request) -> None:
        await self._response(request)

    async def _stream(self, request: Request) -> AsyncIterator[str]:
        http_request = self._http_request(request, self._headers_of(request), await self._token_for(request))
        try:
            response = await self._http.send(http_request, stream=True)
            async with aclosing(response):
                if response.status_code >= _FIRST_ERROR:
                    raise error_of(response.status_code, await response.aread(), _request_id(response))
                async for line in response.aiter_lines():
                    yield line
        except httpx.TransportError as broken:
            raise ConnectionFailed(f"The stream broke ({broken}). Ask again with the last position.") from broken

    async def _response(self, request: Request) -> httpx.Response:
        """Send the request as the signed-in account; with a new token when the service does not take the old one."""
        headers, token = self._headers_of(request), await self._token_for(request)
        response = await self._send(request, headers, token)
        if token is not None and _refuses_the_token(response):
            response = await self._send(request, headers, await self._own_token(refused=token))
        if response.status_code >= _FIRST_ERROR:
            raise error_of(response.status_code, response.content, _request_id(response))
        return response

    async def _send(self, request: Request, headers: Mapping[str, str], token: str | None) -> httpx.Response:
        http_request = self._http_request(request, headers, token)
        repeatable = request.operation in REPEATABLE or _KEY in headers
        return await send_with_retries(
            lambda: self._http.send(http_request), repeatable=repeatable, retries=self._retries
        )

    def _http_request(self, request: Request, headers: Mapping[str, str], token: str | None) -> httpx.Request:
        return self._http.build_request(
            request.method,
            request.path,
            params={name: _text(value) for name, value in request.query.items() if value is not UNSET},
            headers={**headers, **({"Authorization": f"Bearer {token}"} if token else {})},
            json=None if isinstance(request.body, Unset) else request.body.to_dict(),
        )

    def _headers_of(self, request: Request) -> dict[str, str]:
        """Return the headers that every try has; a call that creates gets a key, so that it can be sent again."""
        headers = {name: str(value) for name, value in request.headers.items() if value is not UNSET}
        return {_KEY: str(uuid4()), **headers} if request.operation in KEYED else headers

    async def _token_for(self, request: Request) -> str | None:
        if request.operation in ANONYMOUS:
            return None
        try:
            return await self._own_token()
        except SignedOut:
            if request.operation in FOR_ANYBODY:
                return None
            raise

    async def _own_token(self, refused: str | None = None) -> str | None:
        """Return a token of the signed-in account, if the call may be made under it."""
        token = await self._session.access_token(refused)
        if token is not None and is_of_another_account(token):
            raise other_account()
        return token

    def _account(self) -> str | None:
        tokens = self._session.store.load()
        return tokens.account if tokens else None

    async def _send_refresh(self, refresh_token: str) -> SignedIn:
        request = Request("refresh", "POST", "/api/v1/auth/refresh", body=Refresh(refresh_token=refresh_token))
        return await self._get(request, SignedIn)


def _refuses_the_token(response: httpx.Response) -> bool:
    if response.status_code != _UNAUTHORIZED:
        return False
    return error_of(response.status_code, response.content, "").code in {"TOKEN_EXPIRED", "UNAUTHORIZED"}


def _request_id(response: httpx.Response) -> str:
    return response.headers.get("x-request-id", "")


def _text(value: object) -> str:
    """Return a query parameter as it stands in an address."""
    if isinstance(value, datetime):
        return write_time(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
