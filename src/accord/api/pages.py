"""What is served beside the contract: the contract itself, its documentation, probes, metrics, problem pages."""

import hashlib
from collections.abc import Awaitable, Callable
from html import escape
from importlib.resources import files
from ipaddress import ip_address

import orjson

from accord.api import metrics
from accord.api.answers import Answer, json_answer
from accord.api.authentication import bearer_token
from accord.api.request import Request
from accord.api.router import allowed
from accord.contract import bundle
from accord.contract.rendition import to_3_1
from accord.problems import Forbidden, MethodNotAllowed, Problem
from accord.settings import Settings

CACHEABLE = b"public, max-age=300"
DOCS_CSP = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE_CSP = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_types = {
    "js": b"text/javascript",
    "css": b"text/css",
    "png": b"image/png",
    "html": b"text/html; charset=utf-8",
}
Readiness = Callable[[], Awaitable[str | None]]


class Pages:
    """Answers GET for the paths that are not operations."""

    def __init__(self, settings: Settings, ready: Readiness) -> None:
        """Take how readiness is found out: it returns what is missing, or None."""
        self._settings = settings
        self._ready = ready
        document = bundle.load()
        self._documents = {
            "/openapi.json": _cached_json(document),
            "/openapi-3.1.json": _cached_json(to_3_1(document)),
        }
        self._files = _docs_files() if settings.docs_enabled else {}

    async def __call__(self, request: Request) -> Answer | None:
        """Return the page, or None when there is none at this path."""
        path = request.path
        page = await self._find(request, path)
        if page is None or request.method in {"GET", "HEAD"}:
            return page
        problem: Problem = MethodNotAllowed()
        problem.headers.append((b"allow", allowed({"GET": None}).encode()))
        if request.method == "OPTIONS":
            return Answer(204, headers=problem.headers)
        raise problem

    async def _find(self, request: Request, path: str) -> Answer | None:
        if path == "/livez":
            return json_answer(200, {"status": "ok"})
        if path == "/readyz":
            missing = await self._ready()
            answer = json_answer(200 if missing is None else 503, {"status": missing or "ok"})
            if missing is not None:
                answer.headers.append((b"retry-after", b"1"))
            return answer
        if path == "/metrics":
            return self._metrics(request)
        if path in self._documents:
            return self._document(request, path)
        if path.startswith("/problems/"):
            return problem_page(path.removeprefix("/problems/"))
        if path == "/" and self._files:
            return Answer(307, headers=[(b"location", b"/docs")])
        found = self._files.get(path)
        return None if found is None else _docs_answer(path, found)

    def _document(self, request: Request, path: str) -> Answer:
        body, tag = self._documents[path]
        if request.headers.get(b"if-none-match") == tag:
            return Answer(304, headers=[(b"etag", tag)], cache_control=CACHEABLE)
        return Answer(200, body, headers=[(b"etag", tag)], cache_control=CACHEABLE)

    def _metrics(self, request: Request) -> Answer:
        """Serve Prometheus with the token, or, when none is set, a client on this machine."""
        token = self._settings.metrics_token
        if token is not None:
            if bearer_token(request) != token.get_secret_value():
                raise Forbidden("Send METRICS_TOKEN as a bearer token.")
        elif not _is_loopback(request.address):
            raise Forbidden("Set METRICS_TOKEN to read metrics from another machine.")
        return Answer(200, metrics.page(), b"text/plain; version=0.0.4; charset=utf-8")


def problem_page(code: str) -> Answer | None:
    """Return the short page that a problem's `type` points to; None for a code that nobody declares."""
    found = _declared(Problem).get(code)
    if found is None:
        return None
    html = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(code)}</title>"
        "<style>body{font:16px/1.5 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}</style>"
        f"<h1>{escape(found.title)}</h1><p><code>{escape(code)}</code>, status {found.status}.</p>"
        f"<p>{escape(found.detail)}</p>"
    )
    return Answer(200, html.encode(), _types["html"], cache_control=CACHEABLE, content_security=PAGE_CSP)


def _declared(base: type[Problem]) -> dict[str, type[Problem]]:
    """Return every problem class by its code; of several with one code, the most general."""
    found = {base.code: base}
    for child in base.__subclasses__():
        found = {**_declared(child), **found}
    return found


def _cached_json(document: object) -> tuple[bytes, bytes]:
    body = orjson.dumps(document)
    return body, b'"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'


def _docs_files() -> dict[str, bytes]:
    """Return Swagger UI with a page of ours that has no inline script, so that a strict CSP lets it run."""
    ours = files("accord.api") / "docs"
    vendor = files("swagger_ui_bundle") / "vendor"
    names = ("swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-ui.css", "favicon-32x32.png")
    served = {f"/docs/{name}": _find_file(vendor, name) for name in names}
    served |= {f"/docs/{name}": (ours / name).read_bytes() for name in ("docs.js", "docs.css")}
    served["/docs"] = (ours / "index.html").read_bytes()
    return served


def _find_file(folder: object, name: str) -> bytes:
    for path in folder.rglob(name):  # type: ignore[attr-defined]  # the package is unpacked: a real folder
        return path.read_bytes()
    raise FileNotFoundError(name)


def _docs_answer(path: str, body: bytes) -> Answer:
    kind = _types.get(path.rpartition(".")[2], _types["html"])
    return Answer(200, body, kind, cache_control=CACHEABLE, content_security=DOCS_CSP)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
