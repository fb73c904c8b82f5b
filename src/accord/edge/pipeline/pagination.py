"""Links between pages (RFC 8288)."""

from typing import Any
from urllib.parse import urlencode

from accord.edge.pipeline.parameters import parse_query
from accord.edge.pipeline.request import Request
from accord.edge.responses import Header


def next_link(request: Request, page: dict[str, Any]) -> list[Header]:
    """Return `Link: <…>; rel="next"` when another page follows this one."""
    if not page.get("nextCursor"):
        return []
    query = parse_query(request.query) | {"cursor": page["nextCursor"]}
    query.pop("page", None)  # A list with numbered pages takes `page` or `cursor`, not both.
    return [(b"link", f'<{request.path}?{urlencode(query)}>; rel="next"'.encode())]
