"""The heads of whole responses as bytes: lines that many responses have in common are joined once."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from accord.edge.responses import LINE_END, WITHOUT_BODY, Header, Response


class ResponseHeads:
    """Renders heads; one for each server."""

    def __init__(self, always: tuple[Header, ...]) -> None:
        """Take the headers that every response has."""
        self._always = always
        self._shared: dict[tuple[bytes, bytes, bytes | None], bytes] = {}
        self._default: list[Header] = []
        self._default_lines = b""

    def head(self, response: Response, request_id: str, default: list[Header]) -> bytes:
        """Return the bytes before the body; `default` are uvicorn's headers, a new list each second for `Date`."""
        if default is not self._default:
            self._default, self._default_lines = default, _lines(default)
        status, body = response.status, response.body
        given_id = request_id.encode()
        shared = self._shared_lines(
            response.cache_control, response.content_security, response.content_type if body else None
        )
        lines = [STATUS_LINE[status], self._default_lines, b"x-request-id: ", given_id, b"\r\nx-trace-id: ", given_id]
        lines += b"\r\n", shared
        if response.headers:
            lines.append(_lines(response.headers))
        lines.append(b"\r\n" if status in WITHOUT_BODY else b"content-length: %d\r\n\r\n" % len(body))
        return b"".join(lines)

    def _shared_lines(self, cache_control: bytes, content_security: bytes, content_type: bytes | None) -> bytes:
        kinds = cache_control, content_security, content_type
        lines = self._shared.get(kinds)
        if lines is None:
            headers = [(b"cache-control", cache_control), (b"content-security-policy", content_security), *self._always]
            if content_type is not None:
                headers.append((b"content-type", content_type))
            lines = self._shared[kinds] = _lines(headers)
        return lines


def _lines(headers: list[Header]) -> bytes:
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if lines.count(b"\n") != len(headers) or lines.count(b"\r") != len(headers):
        raise ValueError(LINE_END)
    return lines
