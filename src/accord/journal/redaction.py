"""The names that mean a secret. A value under such a name is never written, at any depth."""

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
"""A name of several words, such as `refresh_token`, `apiKey` or `PASSWORD-HASH`, is secret when a word is here."""
_RUN_TOGETHER = re.compile(
    r"passw(?:or)?d|passphrase|credential|authorization|tokens?$|secrets?$|hash$|cookies?$"
    r"|(?:api|private|signing|encryption|access|secret|session)keys?$"
)
"""Secret words that are run together with others, such as `apikey`; `keyboard` and `monkey` do not match."""


def is_secret(name: str) -> bool:
    """Return whether a value with this name must not be written."""
    return any(word in _WORDS or _RUN_TOGETHER.search(word) for word in map(str.lower, _words(name)))


def redacted(value: Any) -> Any:
    """Return the value as JSON's types, with every value under a secret's name replaced, at every depth."""
    if isinstance(value, Mapping):
        return {str(name): REDACTED if is_secret(str(name)) else redacted(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redacted(item) for item in value]
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    return orjson.loads(orjson.dumps(value, default=str))
