"""Which names mean a secret. What stands under one is never written, at whatever depth it is."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

REDACTED = "[redacted]"

_words = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+").findall
_WORDS = frozenset(
    {
        "authorization",
        "bearer",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "hash",
        "hashes",
        "jwt",
        "key",
        "keys",
        "otp",
        "passcode",
        "passphrase",
        "passwd",
        "password",
        "passwords",
        "pwd",
        "salt",
        "secret",
        "secrets",
        "token",
        "tokens",
        "totp",
    }
)
"""A name of several words, such as `refresh_token`, `apiKey` or `PASSWORD-HASH`, is secret when one of them is here."""
_RUN_TOGETHER = re.compile(
    r"passw(?:or)?d|passphrase|credential|authorization|tokens?$|secrets?$|hash$|cookies?$"
    r"|(?:api|private|signing|encryption|access|secret|session)keys?$"
)
"""The same in a word written without a joint, such as `apikey`; `keyboard` and `monkey` are no such words."""


def is_secret(name: str) -> bool:
    """Say whether what has this name must not be written down."""
    return any(word in _WORDS or _RUN_TOGETHER.search(word) for word in map(str.lower, _words(name)))


def redacted(value: Any) -> Any:
    """Return the value as JSON has it, with everything under a secret's name replaced, at every depth."""
    if isinstance(value, Mapping):
        return {str(name): REDACTED if is_secret(str(name)) else redacted(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redacted(item) for item in value]
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    return orjson.loads(orjson.dumps(value, default=str))
