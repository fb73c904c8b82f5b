"""Cross-origin requests (the Fetch standard, section 3.2): listed origins only, with credentials."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from accord.contract.operations import METHODS, operations
from accord.contract.references import resolve
from accord.edge.pipeline.request import READ, Request, printable
from accord.edge.responses import EXPOSED, Header, Response
from accord.telemetry import logs

MAX_TOLD = 100
"""Origins not listed that are logged, each once."""
_MAX_AGE = b"86400"
_loopback = re.compile(rb"https?://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?").fullmatch


class Origins:
    """The origins whose pages may call: the listed ones; in development also this machine with any port."""

    def __init__(self, listed: Collection[str], *, is_development: bool) -> None:
        """Take CORS_ORIGINS."""
        self.listed = {origin.encode() for origin in listed}
        self._is_development = is_development
        self._logged: set[bytes] = set()

    def admits(self, origin: bytes) -> bool:
        """Return whether pages of this origin may call."""
        return origin in self.listed or (self._is_development and _loopback(origin) is not None)

    def tell(self, origin: bytes, request: Request) -> None:
        """Log an origin that is not listed, once: its page learns only that the response is not readable."""
        if origin in self._logged or len(self._logged) >= MAX_TOLD or is_own(origin, request):
            return
        self._logged.add(origin)
        message = "CORS_ORIGINS does not list the origin of a page: the browser keeps the responses from it."
        logs.warning(message, origin=printable(origin[:200]), request_id=request.id)


def is_own(origin: bytes, request: Request) -> bool:
    """Return whether the page came from this server; the scheme may be a proxy's, and is not compared."""
    return origin.partition(b"://")[2] == request.headers.get(b"host", b"")


class Cors:
    """Responds to preflights and lets the listed origins read responses; other origins get no headers."""

    def __init__(self, origins: Origins, document: Mapping[str, Any]) -> None:
        """Take the origins and the contract: the headers of the contract and of the edge are allowed and exposed."""
        self._origins = origins
        self._allowed = _listed({*READ, *_read_by(document)})
        self._exposed = _listed({*EXPOSED, *_written_by(document)})

    def headers(self, request: Request) -> list[Header]:
        """Return the headers for the response to this request, which has an `Origin`."""
        origin = request.headers[b"origin"]
        if not self._origins.admits(origin):
            self._origins.tell(origin, request)
            return []
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", self._exposed),
        ]

    def preflight(self, request: Request, methods: str) -> Response:
        """Return the response to OPTIONS: `Allow` for every client, permission for a preflight from a listed origin."""
        response = Response(204, headers=[(b"allow", methods.encode())])
        origin = request.headers.get(b"origin")
        if origin is not None and self._origins.admits(origin) and b"access-control-request-method" in request.headers:
            response.headers += [
                (b"access-control-allow-methods", methods.encode()),
                (b"access-control-allow-headers", self._allowed),
                (b"access-control-max-age", _MAX_AGE),
            ]
        return response


def _read_by(document: Mapping[str, Any]) -> Iterable[str]:
    """Return the headers that operations take as parameters."""
    return (p.name for operation in operations(document) for p in operation.parameters if p.place == "header")


def _written_by(document: Mapping[str, Any]) -> Iterable[str]:
    """Return the headers that responses of operations have."""
    items = (item[method] for item in document.get("paths", {}).values() for method in METHODS if method in item)
    responses = (resolve(document, response) for item in items for response in item["responses"].values())
    return (name for response in responses for name in response.get("headers", {}))


def _listed(names: Iterable[str]) -> bytes:
    """Return the names as the value of a header; names that differ in case only are one name."""
    return ", ".join(sorted({name.lower(): name for name in sorted(names)}.values())).encode()
