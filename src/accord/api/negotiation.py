"""What the client accepts: JSON or nothing (RFC 9110, section 12.5), and whether it may be compressed."""

import zlib
from functools import lru_cache

COMPRESS_FROM = 1024
"""Bytes from which compressing an answer is worth the time."""


@lru_cache(1024)
def accepts_json(accept: bytes) -> bool:
    """Say whether the `Accept` header admits application/json; the most specific range decides."""
    best, quality = -1, 0.0
    for part in accept.split(b","):
        media, *parameters = (piece.strip() for piece in part.split(b";"))
        rank = {b"*/*": 0, b"application/*": 1, b"application/json": 2}.get(media.lower(), -1)
        if rank > best:
            best, quality = rank, _quality(parameters)
    return quality > 0


@lru_cache(1024)
def accepts_gzip(accept_encoding: bytes) -> bool:
    """Say whether the `Accept-Encoding` header admits gzip."""
    for part in accept_encoding.split(b","):
        coding, *parameters = (piece.strip() for piece in part.split(b";"))
        if coding.lower() in (b"gzip", b"*"):
            return _quality(parameters) > 0
    return False


def gzip(body: bytes) -> bytes:
    """Compress quickly rather than tightly."""
    compressor = zlib.compressobj(level=1, wbits=31)
    return compressor.compress(body) + compressor.flush()


def _quality(parameters: list[bytes]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if name.strip().lower() == b"q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
