"""Cross-origin requests (the Fetch standard, section 3.2): listed origins only, with credentials."""

from collections.abc import Collection

from accord.api.answers import Answer, Header
from accord.api.request import Request

_EXPOSED = b"ETag, Link, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id"
_ALLOWED_HEADERS = b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, traceparent"
_MAX_AGE = b"86400"
_VARY: Header = (b"vary", b"Origin")


class Cors:
    """Answers preflights and lets the listed origins read answers; others get no header at all."""

    def __init__(self, origins: Collection[str]) -> None:
        """Take the origins that browsers may call from."""
        self._origins = {origin.encode() for origin in origins}

    def headers(self, request: Request) -> list[Header]:
        """Return the headers for an answer to this request."""
        if not self._origins:
            return []
        origin = request.headers.get(b"origin")
        if origin is None or origin not in self._origins:
            return [_VARY]
        return [
            _VARY,
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", _EXPOSED),
        ]

    def preflight(self, request: Request, methods: str) -> Answer:
        """Answer OPTIONS: `Allow` for everybody, permission for a preflight from a listed origin."""
        answer = Answer(204, headers=[(b"allow", methods.encode())])
        if request.headers.get(b"origin") in self._origins and b"access-control-request-method" in request.headers:
            answer.headers += [
                (b"access-control-allow-methods", methods.encode()),
                (b"access-control-allow-headers", _ALLOWED_HEADERS),
                (b"access-control-max-age", _MAX_AGE),
            ]
        return answer
