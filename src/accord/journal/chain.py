"""The hash chain: each position's hash covers its entry and the hash before, so no entry can change unnoticed."""

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

START = b""
"""The hash before the first position."""

COLUMNS = (
    "id",
    "at",
    "request_id",
    "actor_kind",
    "actor_id",
    "organisation_id",
    "operation",
    "record_table",
    "record_id",
    "record_version",
    "kind",
    "fields",
    "list_keys",
)
"""The columns of an entry that are hashed, in the order that queries return them."""


def canonical(position: int, entry: Any) -> bytes:
    """Return the canonical text of an entry at a position: JSON with sorted keys, times in UTC with microseconds."""
    content = {name: _plain(getattr(entry, name)) for name in COLUMNS}
    content["position"] = position
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def link(previous: bytes, position: int, entry: Any) -> bytes:
    """Return the SHA-256 of an entry at a position, chained to the hash before it."""
    return hashlib.sha256(previous + canonical(position, entry)).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, UUID):
        return str(value)
    return value
