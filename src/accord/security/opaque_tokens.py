"""Opaque tokens: 256 random bits, written as base64url without padding (RFC 4648, section 5); a hash is stored."""

import base64
import hashlib
from collections.abc import Callable

TOKEN_BYTES = 32


def new_token(random_bytes: Callable[[int], bytes]) -> str:
    """Return a new token."""
    return base64url(random_bytes(TOKEN_BYTES))


def token_hash(token: str) -> bytes:
    """Return the hash of a token, the only form that is stored; a client may present any text as one."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def base64url(data: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Return the bytes that a base64url text without padding stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
