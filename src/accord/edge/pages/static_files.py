"""Files that stay the same while the process runs: the contract, and the page that documents it."""

import hashlib
from functools import cached_property
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import orjson

from accord.edge.pipeline.negotiation import accepts_gzip, gzip
from accord.edge.pipeline.preconditions import is_match, names_tag
from accord.edge.pipeline.request import Request
from accord.edge.responses import JSON, NOTHING_LOADS, Header, Response
from accord.problems import PreconditionFailed

CACHEABLE = b"public, max-age=300"
HTML = b"text/html; charset=utf-8"
# Swagger UI sets styles from scripts, which this policy allows, and writes no styles into its markup.
DOCS_CSP = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Mails bring styles in their markup, and the frame that shows them has the policy of its page: it loads nothing.
INBOX_CSP = DOCS_CSP.replace(b"style-src 'self'", b"style-src 'self' 'unsafe-inline'").replace(b" data:", b"")
_VENDOR = {
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
    "favicon-32x32.png": b"image/png",
}
_OURS = {
    "docs.js": b"text/javascript; charset=utf-8",
    "docs.css": b"text/css; charset=utf-8",
    "live.js": b"text/javascript; charset=utf-8",
    "live.css": b"text/css; charset=utf-8",
}
_INBOX = {"inbox.js": b"text/javascript; charset=utf-8", "inbox.css": b"text/css; charset=utf-8"}
_PAGES = {"/docs": "index.html", "/docs/live": "live.html", "/docs/inbox": "inbox.html"}
YAML = b"application/yaml"
WEAK = "If-Match compares strongly, and this tag is weak. Read it without the header, or with If-None-Match."


class StaticFile:
    """One file, hashed at the start and compressed at the first request that accepts gzip."""

    def __init__(self, body: bytes, content_type: bytes, content_security: bytes = NOTHING_LOADS) -> None:
        """Take the bytes, their type, and the content security policy for browsers."""
        self._body = body
        self._content_type = content_type
        self._content_security = content_security
        # Weak, because the compressed and the plain bytes have the same tag.
        self._tag = b'W/"' + hashlib.sha256(body).hexdigest()[:32].encode() + b'"'

    @cached_property
    def _compressed(self) -> bytes:
        return gzip(self._body)

    def response(self, request: Request) -> Response:
        """Return the file; 304 when the client has it already. Raises PreconditionFailed."""
        headers: list[Header] = [(b"etag", self._tag), (b"vary", b"Accept-Encoding")]
        if request.method in {"GET", "HEAD"} and not is_match(request.headers.get(b"if-match", b"*"), self._tag):
            raise PreconditionFailed(WEAK)
        if names_tag(request.headers.get(b"if-none-match", b""), self._tag):
            return self._response(304, b"", headers)
        if accepts_gzip(request.headers.get(b"accept-encoding", b"")):
            return self._response(200, self._compressed, [*headers, (b"content-encoding", b"gzip")])
        return self._response(200, self._body, headers)

    def _response(self, status: int, body: bytes, headers: list[Header]) -> Response:
        response = Response(
            status,
            body,
            self._content_type,
            headers,
            cache_control=CACHEABLE,
            content_security=self._content_security,
        )
        response.compressible = False
        return response


def json_file(document: Any) -> StaticFile:
    """Return the document as a file of JSON."""
    return StaticFile(orjson.dumps(document), JSON)


def docs_files(info: dict[str, Any], *, has_inbox: bool) -> dict[str, StaticFile]:
    """Return the documentation's files by path; no page needs inline scripts or files of another server."""
    ours, vendor = files("accord.edge.pages") / "docs", _vendor_folder()
    served: dict[str, StaticFile] = {}
    inbox = '<a href="/docs/inbox">inbox</a>' if has_inbox else ""
    for path, name in _PAGES.items():
        if name == "inbox.html" and not has_inbox:
            continue
        template = Template((ours / name).read_text("utf-8"))
        page = template.substitute(name=escape(info["title"]), version=escape(info["version"]), inbox=inbox)
        served[path] = StaticFile(page.encode(), HTML, INBOX_CSP if name == "inbox.html" else DOCS_CSP)
    for names, folder in ((_VENDOR, vendor), (_OURS, ours), (_INBOX if has_inbox else {}, ours)):
        for name, content_type in names.items():
            served[f"/docs/{name}"] = StaticFile((folder / name).read_bytes(), content_type)
    return served


def _vendor_folder() -> Path:
    """Return the folder of Swagger UI: the package has a folder for each version, and contains one version."""
    found = sorted(Path(str(files("swagger_ui_bundle"))).glob("vendor/*/swagger-ui-bundle.js"))
    return found[-1].parent
