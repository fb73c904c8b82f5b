"""Frames: those of clients are checked by the schemas of `asyncapi.yaml`; those of the server are written here."""

from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import orjson

from accord import clock
from accord.contract import asyncapi
from accord.contract.json_body import MalformedJson, parse
from accord.contract.records import parse_key
from accord.contract.serializers import timestamp
from accord.journal.changes import change_of
from accord.journal.cursors import Cursor
from accord.journal.reading import ChangeEntry, TailEntry

UNAUTHENTICATED = 4401
SLOW_READER = 4408
TOO_MANY = 4429
GOING_AWAY = 1012
_TEXT = 0x81
"""The first byte of a text message in one frame."""
_TWO_BYTES, _EIGHT_BYTES = 126, 127
"""Lengths that say: the length follows in so many bytes."""

_validators = {
    name: jsonschema_rs.validator_for(schema).is_valid for name, schema in asyncapi.payloads("receive").items()
}


class BadFrame(Exception):
    """`asyncapi.yaml` does not describe the frame; `key` is the key that it names, however malformed."""

    def __init__(self, message: str, key: str | None = None) -> None:
        """Take the broken rule, and the key whose follower waits for a response."""
        super().__init__(message)
        self.key = key


def read(message: Any) -> dict[str, Any]:
    """Return the frame of an ASGI `websocket.receive` message; raise BadFrame."""
    text = message.get("text")
    if text is None:
        raise BadFrame("Send text frames with one JSON object each.", _key(message.get("bytes")))
    try:
        frame = parse(text.encode())
    except MalformedJson as error:
        raise BadFrame(f"The frame {error}.", _key(text)) from None
    kind = frame.get("type") if isinstance(frame, dict) else None
    is_valid = _validators.get(kind) if isinstance(kind, str) else None
    if is_valid is None:
        raise BadFrame(f"`type` must be one of {', '.join(sorted(_validators))}.", _key(text))
    if not is_valid(frame):
        raise BadFrame(f"The frame does not fit the schema of {kind}; see asyncapi.yaml.", _key(text))
    if "key" in frame:
        # A key has one text, however its id was written; an invalid key keeps its own, which the error names.
        frame["key"] = str(parse_key(frame["key"]) or frame["key"])
    return frame


def _key(text: str | bytes | None) -> str | None:
    """Return the key that a refused frame names; None when the frame cannot be read."""
    try:
        frame = orjson.loads(text or b"")
    except orjson.JSONDecodeError:
        return None
    key = frame.get("key") if isinstance(frame, dict) else None
    return key if isinstance(key, str) else None


def welcome(connection_id: str, heartbeat: int) -> str:
    """Return the first frame of every connection."""
    return _frame("welcome", connectionId=connection_id, serverTime=_now(), heartbeatSeconds=heartbeat)


def authenticated(user_id: str, expires_at: float) -> str:
    """Return the frame that confirms a sign-in; `expires_at` is in seconds since the epoch."""
    return _frame("authenticated", userId=user_id, expiresAt=timestamp(datetime.fromtimestamp(expires_at, UTC)))


def subscribed(key: str, outcome: str, cursor: Cursor, version: int | None) -> str:
    """Return the frame that begins a subscription: changes after the cursor follow."""
    known = {} if version is None else {"version": version}
    return _frame("subscribed", key=key, outcome=outcome, position=cursor.position, cursor=str(cursor), **known)


def change(key: str, entry: TailEntry | ChangeEntry) -> str:
    """Return the frame of one journal entry for one key."""
    return _frame("change", **change_of(key, entry))


def revoked(key: str, reason: str) -> str:
    """Return the frame that ends a subscription whose access ended."""
    return _frame("revoked", key=key, reason=reason)


def error(code: str, message: str, key: str | None = None) -> str:
    """Return the frame that refuses a client's frame; the connection stays open."""
    return _frame("error", code=code, message=message, **({} if key is None else {"key": key}))


def pong() -> str:
    """Return the response to a ping."""
    return _frame("pong", serverTime=_now())


def as_bytes(text: str) -> bytes:
    """Return the text as one unmasked WebSocket frame (RFC 6455, section 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < _TWO_BYTES:
        return bytes((_TEXT, size)) + payload
    if size < 1 << 16:
        return bytes((_TEXT, _TWO_BYTES)) + size.to_bytes(2, "big") + payload
    return bytes((_TEXT, _EIGHT_BYTES)) + size.to_bytes(8, "big") + payload


def _now() -> str:
    return timestamp(clock.now())


def _frame(type_: str, **fields: Any) -> str:
    return orjson.dumps({"type": type_, **fields}).decode()
