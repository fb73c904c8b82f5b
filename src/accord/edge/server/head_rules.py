"""The rules for the head of a request, where the parser accepts more than HTTP/1.1 allows (RFC 9112)."""

import re
from functools import lru_cache
from typing import NamedTuple

from accord.edge.responses import Header
from accord.problems import InvalidToken, Problem, ValidationFailed

MAX_URL = 8192
MAX_HEAD = 32_768
"""Bytes of all header names and values of a request together."""
MAX_HANDSHAKE_HEADERS = 100
MAX_HANDSHAKE_HEADER = 8000
MAX_USUAL_LINE = 256
"""A request line of fewer bytes is parsed once for all requests with the same line."""
DECISIVE = {b"expect", b"transfer-encoding"}
"""Rare fields that decide on the request as a whole, as `Host` does."""
MALFORMED = "must be a well-formed HTTP/1.1 request"
_LONG_URL = f"must have a URL of at most {MAX_URL} characters"
LONG_HEAD = f"must have headers of at most {MAX_HEAD} characters in all"
_CODING = "must have no transfer coding but chunked, once, and none in HTTP/1.0"
_HOST = "must have one Host header with a host and perhaps a port"

_request_line = re.compile(
    rb"(?P<method>[A-Z-]+) "
    rb"(?:(?:(?i:https?)://(?:\[[0-9A-Za-z:.]+\]|[^][/?#@: ]+)(?::[0-9]{0,5})?)?"
    rb"(?P<path>/[^ ?#]*)(?:\?(?P<query>[^ #]*))?(?:#[^ ]*)?|\*)"
    rb" HTTP/1\.(?P<minor>[01])"
).fullmatch
_host = re.compile(rb"(?:\[[0-9A-Za-z:.%_~-]+\]|[\w.~!$&'()*+,;=%-]*)(?::[0-9]{0,5})?").fullmatch


class Target(NamedTuple):
    """The target of a request line; no route has the path `*`, as in `OPTIONS *`."""

    method: str
    path: str
    query: bytes
    is_http_1_0: bool


def target_of(head: bytes | bytearray) -> Target:
    """Return the target of the request line.

    Raises ValidationFailed for other protocols, other versions and requests to proxies.
    """
    line = bytes(head[: head.find(b"\r\n")])
    return _usual_target(line) if len(line) < MAX_USUAL_LINE else _target(line)


def check(headers: list[Header], *, is_http_1_0: bool) -> None:
    """Check the fields that decide on a request as a whole. Raises the problem."""
    hosts = codings = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
            if not _is_host(value):
                raise malformed(_HOST)
        elif name == b"expect" and not is_http_1_0 and value.lower() != b"100-continue":
            raise _expectation_failed()
        elif name == b"transfer-encoding":
            codings += 1
            # Proxies of HTTP/1.0 do not know the field, and take the body for the next request. The end of a body
            # with another coding is uncertain, too, so the connection cannot go on.
            if is_http_1_0 or codings > 1 or value.lower() != b"chunked":
                raise malformed(_CODING)
    if hosts > 1 or not (hosts or is_http_1_0):
        raise malformed(_HOST)


def check_size(url: bytes, headers: list[Header]) -> None:
    """Check the length of the URL and of all headers. Raises the problem."""
    if len(url) > MAX_URL:
        raise malformed(_LONG_URL)
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEAD:
        raise too_large(max(headers, key=lambda header: len(header[1]))[0])


def malformed(rule: str) -> Problem:
    """Return the problem of a head that breaks a rule."""
    return ValidationFailed(errors=[{"field": "", "message": rule}])


def _expectation_failed() -> Problem:
    """Return the problem with status 417, which RFC 9110 has for `Expect` and no operation returns."""
    problem = malformed("must expect nothing but 100-continue")
    problem.status = 417  # pyright: ignore[reportAttributeAccessIssue]  # not a class, as no operation returns 417
    return problem


def too_large(header: bytes | bytearray) -> Problem:
    """Return the problem of a head that one header makes too large; a token too long to be read is invalid."""
    return InvalidToken() if header.strip().lower() == b"authorization" else malformed(LONG_HEAD)


def _target(line: bytes) -> Target:
    found = _request_line(line)
    if found is None or found["method"] == b"CONNECT":
        raise malformed(MALFORMED)
    method, path, query, minor = found.groups()
    return Target(method.decode(), "*" if path is None else path.decode("latin-1"), query or b"", minor == b"0")


_usual_target = lru_cache(1024)(_target)


@lru_cache(1024)
def _is_host(value: bytes) -> bool:
    return _host(value) is not None
