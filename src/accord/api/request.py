"""One HTTP request as the pipeline sees it."""

import os
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_request_id = re.compile(rb"[A-Za-z0-9._-]{1,128}").fullmatch
_traceparent = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}").fullmatch


class Request:
    """The parts of the ASGI scope that are needed, looked at once. Of a repeated header the last value counts."""

    __slots__ = ("address", "headers", "id", "method", "path", "query", "receive", "scope", "started")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        """Give the request its id: the client's `X-Request-Id` or `X-Trace-Id`, else a new one."""
        self.scope = scope
        self.receive = receive
        self.started = time.perf_counter()
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1") if scope.get("raw_path") else scope["path"]
        self.query: bytes = scope["query_string"]
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        given = self.headers.get(b"x-request-id") or self.headers.get(b"x-trace-id")
        self.id = given.decode() if given is not None and _request_id(given) else os.urandom(16).hex()
        self.address = ""

    @property
    def traceparent(self) -> str | None:
        """The W3C trace context, if the client sent a well-formed one."""
        given = self.headers.get(b"traceparent")
        return given.decode() if given is not None and _traceparent(given) else None

    @property
    def user_agent(self) -> str:
        """What the client calls itself, without anything that could break a log line or a text column."""
        given = self.headers.get(b"user-agent", b"")[:512].decode("latin-1")
        return "".join(c for c in given if c.isprintable())

    def elapsed(self) -> float:
        """Return the seconds since the request came."""
        return time.perf_counter() - self.started
