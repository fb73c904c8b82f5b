"""Links between pages (RFC 8288)."""

from typing import Any
from urllib.parse import urlencode

from accord.api.answers import Header
from accord.api.parameters import parse_query
from accord.api.request import Request


def next_link(request: Request, page: dict[str, Any]) -> list[Header]:
    """Return `Link: <…>; rel="next"` when there is another page after this one."""
    if page.get("nextCursor"):
        return [_link(request, "cursor", page["nextCursor"])]
    if page.get("page", 0) < page.get("totalPages", 0):
        return [_link(request, "page", str(page["page"] + 1))]
    return []


def _link(request: Request, name: str, value: str) -> Header:
    query = parse_query(request.query) | {name: value}
    return b"link", f'<{request.path}?{urlencode(query)}>; rel="next"'.encode()
