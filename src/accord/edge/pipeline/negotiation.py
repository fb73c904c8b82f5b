"""Content negotiation (RFC 9110, section 12.5): whether a client accepts JSON, events and gzip."""

import zlib
from functools import lru_cache

COMPRESS_FROM = 1024
"""Bytes of a body above which compression is worth the time."""
LONGEST = 2048
"""Bytes of a header that are parsed; usual headers are far shorter, and parsing takes time."""

_ranks = {
    "json": {b"*/*": 0, b"application/*": 1, b"application/json": 2},
    "events": {b"*/*": 0, b"text/*": 1, b"text/event-stream": 2},
    "gzip": {b"*": 0, b"gzip": 1},
}


def accepts_json(accept: bytes) -> bool:
    """Return whether the `Accept` header admits application/json."""
    return _admits(accept[:LONGEST], "json")


def accepts_events(accept: bytes) -> bool:
    """Return whether the `Accept` header admits text/event-stream."""
    return _admits(accept[:LONGEST], "events")


def accepts_gzip(accept_encoding: bytes) -> bool:
    """Return whether the `Accept-Encoding` header admits gzip."""
    return bool(accept_encoding) and _admits(accept_encoding[:LONGEST], "gzip")


def gzip(body: bytes) -> bytes:
    """Return the body compressed, at the fastest level."""
    compressor = zlib.compressobj(level=1, wbits=31)
    return compressor.compress(body) + compressor.flush()


@lru_cache(1024)
def _admits(header: bytes, what: str) -> bool:
    """Return whether the most specific range for `what` has a quality above zero; an empty list admits all."""
    ranks = _ranks[what]
    best, quality = -1, 0.0
    for part in header.split(b","):
        name, *parameters = (piece.strip() for piece in part.split(b";"))
        rank = ranks.get(name.lower(), -1)
        if rank > best:
            best, quality = rank, _quality(parameters)
    return quality > 0 or not header.strip(b", \t")


def _quality(parameters: list[bytes]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip().lower() == b"q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
