"""One HTTP request, as the pipeline uses it."""

import itertools
import os
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from accord.edge.responses import Header

if TYPE_CHECKING:
    from asyncio import Task

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_request_id = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch
_traceparent = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch
_tracestate = re.compile(rb"[\x20-\x7e]{1,512}").fullmatch
_process, _numbers = os.urandom(10).hex(), itertools.count(1)


READ = (
    "Authorization",
    "Content-Type",
    "X-Request-Id",
    "X-Trace-Id",
    "traceparent",
    "tracestate",
    "baggage",
)
"""The headers that every request may have besides the parameters of its operation, and that CORS must allow.

`tracestate` and `baggage` belong to `traceparent`: OpenTelemetry in browsers sends all three.
"""
_FORWARDED = {b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"forwarded", b"via"}
"""The headers that proxies add; a proxy on this machine that adds none of them looks like a client on this machine."""
UNIX = "unix:"
"""The peer of a Unix socket, on this machine; proxies write the same text."""


def peer_of(client: tuple[str, int] | None, server: tuple[str, int | None] | None) -> str:
    """Return the address of the peer, from uvicorn's two; empty when the peer disconnected too early to be known."""
    if client is not None:
        return client[0]
    return UNIX if server is not None and server[1] is None else ""


def new_request_id() -> str:
    """Return an id that no other request has, here or in another process; the id can be guessed."""
    return f"{_process}{next(_numbers):012x}"


class Request:
    """A request, parsed once; `limits` are the headers of its rate limit.

    `caller` is the caller's id after authentication, for the log line of any response. `body` is the body of a request
    that arrived as a whole, else `receive` returns it in pieces. `task` carries the request out, when its deadline has
    started. `unreadable` says that `address` is a proxy's, which named its client in no known form.
    """

    __slots__ = (
        "address",
        "body",
        "caller",
        "headers",
        "id",
        "limits",
        "method",
        "operation",
        "path",
        "peer",
        "query",
        "receive",
        "started",
        "task",
        "unreadable",
    )

    def __init__(
        self,
        method: str,
        path: str,
        query: bytes,
        headers: dict[bytes, bytes],
        peer: str,
        body: bytes | None = None,
        receive: Receive | None = None,
    ) -> None:
        """Give the request its id: the client's `X-Request-Id` or `X-Trace-Id`, else a new one."""
        self.started = time.perf_counter()
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.peer = peer
        self.body = body
        self.receive = receive
        is_named = b"x-request-id" in headers or b"x-trace-id" in headers
        self.id = (is_named and _given_id(headers)) or new_request_id()
        self.address = ""
        self.unreadable = False
        self.caller: str | None = None
        self.operation: str | None = None
        self.limits: list[Header] = []
        self.task: Task[None] | None = None

    @classmethod
    def from_scope(cls, scope: Scope, receive: Receive) -> "Request":
        """Return the request of an ASGI scope; the handshake of a socket is a GET."""
        return cls(
            scope.get("method", "GET"),
            scope["raw_path"].decode("latin-1"),
            scope["query_string"],
            fields_of(scope["headers"]),
            peer_of(scope.get("client"), scope.get("server")),
            receive=receive,
        )

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context, if the client sent a well-formed one."""
        given = self.headers.get(b"traceparent")
        return given.decode() if given is not None and _traceparent(given) else None

    @property
    def is_of_this_machine(self) -> bool:
        """Whether the client is on this machine; a request with a proxy's headers may come from another machine."""
        if not (self.address and _FORWARDED.isdisjoint(self.headers)):
            return False
        return ip_address(self.address).is_loopback

    @property
    def tracestate(self) -> str | None:
        """The vendors' part of the trace context, passed on unchanged; None without a `traceparent`."""
        given = self.headers.get(b"tracestate")
        return given.decode() if given is not None and _tracestate(given) and self.traceparent else None

    @property
    def user_agent(self) -> str:
        """The `User-Agent`, at most 512 bytes, without characters that could break a log line or a text column."""
        return printable(self.headers.get(b"user-agent", b"")[:512])

    def elapsed(self) -> float:
        """Return the seconds since the request arrived."""
        return time.perf_counter() - self.started


def fields_of(headers: list[Header]) -> dict[bytes, bytes]:
    """Join repeated headers (RFC 9110, section 5.3): lists stay valid, and a repeated single value becomes invalid."""
    fields = dict(headers)
    if len(fields) == len(headers):
        return fields
    values: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return {name: b", ".join(several) for name, several in values.items()}


def _given_id(headers: dict[bytes, bytes]) -> str | None:
    for name in (b"x-request-id", b"x-trace-id"):
        given = headers.get(name)
        if given is not None and _request_id(given):
            return given.decode()
    return None


@lru_cache(1024)
def printable(text: bytes) -> str:
    """Return a header as text without characters that could break a log line or a text column."""
    return "".join(c for c in text.decode("latin-1") if c.isprintable())
