"""Responses: a status, headers, and a body that is complete before the first byte is sent, or a stream."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from accord import problems
from accord.problems import InvalidToken, Problem, TokenExpired, Unauthorized
from accord.settings import Settings

Header = tuple[bytes, bytes]
Write = Callable[[bytes], Awaitable[None]]
Stream = Callable[[Write], Awaitable[None]]
"""Writes the body of a response in pieces; returns at its end."""
WHOLE_RESPONSE = "accord.whole_response"
"""The ASGI extension that writes a whole response with its request id; returns False when the application must send the
two messages of ASGI."""

EXPOSED = ("Allow", "RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Request-Id", "X-Trace-Id")
"""The headers that any response may have and scripts may read; headers of single operations are in the contract."""
SECURITY_HEADERS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
VARIES: Header = (b"vary", b"Origin")
CLOSE: Header = (b"connection", b"close")
STRICT_TRANSPORT: Header = (b"strict-transport-security", b"max-age=31536000; includeSubDomains; preload")
JSON = b"application/json"
EVENT_STREAM = b"text/event-stream"
PROBLEM_JSON = b"application/problem+json"
NOTHING_LOADS = b"default-src 'none'; frame-ancestors 'none'"
NO_STORE = b"no-store"
WITHOUT_BODY = {204, 304}
# An invalid token has the same code as no token. The title tells them apart: a flow's problem may have come over NATS,
# without its class.
_BAD_TOKEN = {InvalidToken.title, TokenExpired.title}

_printable = re.compile(r"[!-~]{1,2000}").fullmatch


class Response:
    """A response; `error_code` and `trace` are for the log line only."""

    __slots__ = (
        "body",
        "cache_control",
        "compressible",
        "content_security",
        "content_type",
        "error_code",
        "headers",
        "status",
        "stream",
        "trace",
    )

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        content_type: bytes = JSON,
        headers: list[Header] | None = None,
        *,
        cache_control: bytes = NO_STORE,
        content_security: bytes = NOTHING_LOADS,
    ) -> None:
        """Take the headers of this response; the edge adds the headers that every response has."""
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers if headers is not None else []
        self.cache_control = cache_control
        self.content_security = content_security
        self.compressible = True
        self.stream: Stream | None = None
        self.error_code: str | None = None
        self.trace: list[str] | None = None


LINE_END = "A header has a line end: the rest would be another header, or the body."
WriteWhole = Callable[[Response, str], bool]


def always(settings: Settings) -> tuple[Header, ...]:
    """Return the headers that every response has; only production promises TLS."""
    headers = SECURITY_HEADERS
    if settings.is_production:
        headers = (*headers, STRICT_TRANSPORT)
    # With CORS a response depends on the origin, and no cache may give it to another origin.
    return (*headers, VARIES) if settings.cors_origins or settings.env == "development" else headers


def fields(response: Response, request_id: str, constant: tuple[Header, ...]) -> list[Header]:
    """Return a new list of the headers of a response; `constant` headers depend on settings alone."""
    given_id = request_id.encode()
    if any(b"\n" in value or b"\r" in value for _, value in response.headers):
        raise ValueError(LINE_END)
    headers = [
        (b"x-request-id", given_id),
        (b"x-trace-id", given_id),
        (b"cache-control", response.cache_control),
        (b"content-security-policy", response.content_security),
        *constant,
        *response.headers,
    ]
    is_stream = response.content_type is EVENT_STREAM
    if response.body or is_stream:
        headers.append((b"content-type", response.content_type))
    if response.status not in WITHOUT_BODY and not is_stream:
        headers.append((b"content-length", b"%d" % len(response.body)))
    return headers


def json_response(status: int, value: Any) -> Response:
    """Return a response with the value as JSON."""
    return Response(status, orjson.dumps(value))


def problem_response(problem: Problem, request_id: str, path: str) -> Response:
    """Return the problem as a problem document (RFC 9457)."""
    extensions = {"title": problem.title, **problem.extra}
    response = problem_document(problem.status, problem.code, problem.detail, extensions, request_id, path)
    response.headers += problem.headers
    return response


def problem_document(
    status: int,
    code: str,
    detail: str | None,
    extensions: dict[str, Any],
    request_id: str,
    path: str,
) -> Response:
    """Return the problem document; `extensions` has the title and the fields of the code."""
    instance = path if _printable(path) else "/"
    document = problems.problem_document(status, code, detail, extensions, request_id, instance)
    response = Response(status, orjson.dumps(document), PROBLEM_JSON)
    response.error_code = code
    if status == Unauthorized.status:
        is_bad = extensions.get("title") in _BAD_TOKEN
        response.headers.append((b"www-authenticate", b'Bearer error="invalid_token"' if is_bad else b"Bearer"))
    if "retryAfter" in extensions:
        response.headers.append((b"retry-after", b"%d" % extensions["retryAfter"]))
    return response
