"""E-mail addresses as identifiers: what two spellings of one address have in common."""

import hashlib
import unicodedata


def email_key(email: str) -> str:
    """Return the form that uniqueness and look-ups compare: trimmed, Unicode NFC, case folded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email.strip()).casefold())


def identifier_hash(email: str) -> bytes:
    """Return the hash under which failed sign-ins are counted, so that unregistered addresses are not collected."""
    return hashlib.sha256(email_key(email).encode()).digest()
