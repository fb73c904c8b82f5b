"""The names that mean a secret: no log line and no journal entry has a value under such a name, at any depth.

The contract's laws have a narrower list (`contract/laws/schema_rules.py`): a response may have a token, a log line not.
"""

import re

REDACTED = "[redacted]"
"""Stands where a secret was."""

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
