"""Cursors: where a list goes on, as an opaque text that works for the same caller and the same filters only (E-9).

A cursor is the key of the last row that was shown, signed. The next page is read by that key, so page one thousand
costs what page one does, and rows that come or go meanwhile neither repeat nor hide others.
"""

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from accord.problems import ValidationFailed
from accord.security.opaque_tokens import base64url, from_base64url

START = "start"
"""The cursor of the beginning, which a client can write itself: the example that documentation sends."""
_SIGNATURE_BYTES = 16


class Cursors:
    """Writes and reads cursors with one secret key."""

    def __init__(self, key: bytes) -> None:
        """Take a key that every process shares."""
        self._key = key

    def listing(self, operation: str, caller: str, filters: Mapping[str, Any]) -> "Listing":
        """Return one list as one caller filters it; its cursors work for nothing else."""
        return Listing(self._key, orjson.dumps([operation, caller, dict(filters)], option=orjson.OPT_SORT_KEYS))


class Listing:
    """One list: reads the cursor that came, and makes the page with the cursor of the next one."""

    __slots__ = ("_key", "_scope")

    def __init__(self, key: bytes, scope: bytes) -> None:
        """Take the key, and the bytes that say whose list it is."""
        self._key = key
        self._scope = scope

    def after(self, cursor: str | None) -> list[Any] | None:
        """Return the key of the last row that was shown, or None at the beginning. Raises ValidationFailed."""
        if cursor is None or cursor == START:
            return None
        text, _, signature = cursor.partition(".")
        if not hmac.compare_digest(signature, self._sign(text)):
            message = "is not a cursor of this list; begin again without one"
            raise ValidationFailed(errors=[{"field": "cursor", "message": message}])
        return orjson.loads(from_base64url(text))

    def page(
        self, rows: Sequence[Any], limit: int, shape: Callable[[Any], Any], key: Callable[[Any], Sequence[Any]]
    ) -> Any:
        """Return `{items, nextCursor}` from up to `limit` + 1 rows: one more than asked for tells that it goes on."""
        shown = rows[:limit]
        following = self._cursor(key(shown[-1])) if len(rows) > limit else None
        return {"items": [shape(row) for row in shown], "nextCursor": following}

    def _cursor(self, key: Sequence[Any]) -> str:
        text = base64url(orjson.dumps(list(key)))
        return f"{text}.{self._sign(text)}"

    def _sign(self, text: str) -> str:
        return base64url(hmac.digest(self._key, self._scope + b"\n" + text.encode(), "sha256")[:_SIGNATURE_BYTES])
