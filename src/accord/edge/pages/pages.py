"""Pages that are no operations: the contract, its documentation, probes, metrics, problem pages."""

from collections.abc import Awaitable, Callable
from functools import cache
from hmac import compare_digest
from html import escape

from accord.contract import asyncapi, bundle
from accord.contract.openapi_3_1 import to_3_1
from accord.edge.pages.static_files import CACHEABLE, HTML, YAML, StaticFile, docs_files, json_file
from accord.edge.pipeline import metrics
from accord.edge.pipeline.authentication import bearer_token
from accord.edge.pipeline.request import Request
from accord.edge.pipeline.router import allowed, not_allowed
from accord.edge.responses import Response, json_response
from accord.problems import Forbidden, InvalidToken, Problem, ServiceUnavailable, Unauthorized
from accord.settings import Settings

PAGE_CSP = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
ALLOW = allowed({"GET": None})
"""The methods that every page takes, as the value of `Allow`."""
PROBES = {"/livez", "/readyz", "/metrics"}
Readiness = Callable[[], Awaitable[str | None]]


class Probes:
    """Serves probes and metrics, which every listening process has."""

    def __init__(self, settings: Settings, ready: Readiness) -> None:
        """Take the check of readiness, which returns the name of a missing part, or None."""
        self._settings = settings
        self._ready = ready

    async def __call__(self, request: Request) -> Response | None:
        """Return the page, None when this path has no page; the edge replaces the response to OPTIONS."""
        page = await self._find(request)
        if page is None or request.method in {"GET", "HEAD", "OPTIONS"}:
            return page
        raise not_allowed(ALLOW)

    async def _find(self, request: Request) -> Response | None:
        path = request.path
        # A preflight has no token, and asks only whether the page exists.
        if path == "/livez" or (request.method == "OPTIONS" and path in PROBES):
            return json_response(200, {"status": "ok"})
        if path == "/readyz":
            missing = await self._ready()
            if missing is not None:
                raise ServiceUnavailable(f"Not ready: {missing}.")
            return json_response(200, {"status": "ok"})
        if path == "/metrics":
            return self._metrics(request)
        return None

    def _metrics(self, request: Request) -> Response:
        """Return the metrics to a client with METRICS_TOKEN; when no token is set, to a client on this machine."""
        token = self._settings.metrics_token
        if token is not None:
            given = bearer_token(request)
            if given is None:
                raise Unauthorized("Send METRICS_TOKEN as a bearer token.")
            if not compare_digest(given.encode(), token.get_secret_value().encode()):
                raise InvalidToken("This is not METRICS_TOKEN.")
        elif not request.is_of_this_machine:
            raise Forbidden("Set METRICS_TOKEN to read metrics from another machine.")
        return Response(200, metrics.page(), b"text/plain; version=0.0.4; charset=utf-8")


class Pages(Probes):
    """Serves all paths that are not operations."""

    def __init__(self, settings: Settings, ready: Readiness) -> None:
        """Load the files, which stay the same while the process runs."""
        super().__init__(settings, ready)
        document = bundle.load()
        document.pop("x-tasks", None)  # No client can enqueue one.
        self._files = {"/openapi.json": json_file(document), "/openapi-3.1.json": json_file(to_3_1(document))}
        self._files["/asyncapi.yaml"] = StaticFile(asyncapi.with_events(document).encode(), YAML)
        if settings.docs_enabled:
            self._files |= docs_files(document["info"], has_inbox=not settings.is_production)

    async def _find(self, request: Request) -> Response | None:
        path = request.path
        if path.startswith("/problems/"):
            return problem_page(path.removeprefix("/problems/"))
        if path == "/" and "/docs" in self._files:
            return Response(307, headers=[(b"location", b"/docs")])
        found = self._files.get(path)
        return await super()._find(request) if found is None else found.response(request)


def problem_page(code: str) -> Response | None:
    """Return the short page that a problem's `type` points to; None for a code of no problem."""
    found = _problems().get(code)
    if found is None:
        return None
    html = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(code)}</title>"
        "<style>body{font:16px/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}</style>"
        f"<h1>{escape(found.title)}</h1><p><code>{escape(code)}</code>, status {found.status}.</p>"
        f"<p>{escape(found.detail)}</p>"
    )
    return Response(200, html.encode(), HTML, cache_control=CACHEABLE, content_security=PAGE_CSP)


@cache
def _problems() -> dict[str, type[Problem]]:
    return _declared(Problem)


def _declared(base: type[Problem]) -> dict[str, type[Problem]]:
    """Return every problem class by its code; of several classes with one code, the most general."""
    found = {base.code: base}
    for child in base.__subclasses__():
        found = {**_declared(child), **found}
    return found
