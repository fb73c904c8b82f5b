"""The changes of a follower: in order, each once, with the cursor to go on from after a disconnection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Final, cast
from uuid import UUID

import attrs

from .errors import ConnectionFailed
from .generated.metadata import ListType
from .generated.models import Change, TableName

MAX_WAITING: Final = 10_000
"""Changes that wait for a slow follower; a Resync replaces them beyond that."""


def record_key(table: TableName, record_id: UUID | str) -> str:
    """Return the key of a record."""
    return f"getRecord:{table}:{record_id}"


def list_key(owner_id: UUID | str, list_type: ListType) -> str:
    """Return the key of a list, such as the conversations of an account."""
    return f"getList:{owner_id}:{list_type}"


def position_of(cursor: str) -> int:
    """Return the position in a cursor. Positions of one history tell which of two cursors is further."""
    return int(cursor.partition(".")[0])


def record_of(news: Change | Resync | str) -> tuple[TableName, UUID] | None:
    """Return the table and the id of the record that a change, or a key, is about; None of a list as a whole."""
    if isinstance(news, Change) and news.record:
        return cast("TableName", news.record.table), news.record.id
    key = news if isinstance(news, str) else news.key
    method, _, rest = key.partition(":")
    table, _, record_id = rest.partition(":")
    return (cast("TableName", table), UUID(record_id)) if method == "getRecord" else None


@attrs.frozen
class Resync:
    """The journal no longer has the missed changes, or is another one: drop all versions, and read again.

    Later changes follow.
    """

    key: str
    position: int
    cursor: str


class Changes:
    """The changes of one follower, in order: `async for change in changes`."""

    def __init__(self, keys: Iterable[str], after: str | None, *, max_waiting: int = MAX_WAITING) -> None:
        self.keys = frozenset(keys)
        self._cursors: dict[str, str | None] = dict.fromkeys(self.keys, after)
        self._subscribed: set[str] = set()
        self._waiting: deque[Change | Resync] = deque()
        self._max_waiting = max_waiting
        self._ended: Exception | None = None
        self._closed = False
        self._news = asyncio.Event()

    def __aiter__(self) -> AsyncIterator[Change | Resync]:
        return self

    async def __anext__(self) -> Change | Resync:
        while not self._waiting:
            if self._ended is not None:
                raise StopAsyncIteration if self._closed else self._ended
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    async def until_subscribed(self) -> None:
        """Wait until the service has subscribed every key. Raises the error of a refused key."""
        while not self._subscribed >= self.keys:
            if self._ended is not None:
                raise self._ended
            self._news.clear()
            await self._news.wait()

    def cursor(self, key: str) -> str | None:
        """Return the last cursor that this follower has of the key; None before it is subscribed."""
        return self._cursors[key]

    def is_subscribed(self, key: str) -> bool:
        return key in self._subscribed

    def subscribed(self, key: str, cursor: str, outcome: str) -> None:
        """Note that the service has subscribed the key: from here on no change is missed."""
        seen = self._cursors[key]
        # This gateway may be behind the one that told what was seen, and tells that again.
        is_ahead = outcome == "live" and seen is not None and position_of(cursor) > position_of(seen)
        if seen is None or is_ahead or outcome == "resync_required":
            self._cursors[key] = cursor
        if outcome == "resync_required" and seen is not None:
            self._put(Resync(key, position_of(cursor), cursor))
        self._subscribed.add(key)
        self._news.set()

    def waits(self, key: str) -> bool:
        return self._ended is None and key not in self._subscribed

    def disconnected(self, key: str) -> None:
        """Note that the subscription ended; the cursor stays."""
        self._subscribed.discard(key)

    def offer(self, change: Change) -> None:
        """Take a change, unless it came before, or is replayed for another follower before this one is subscribed."""
        seen = self._cursors[change.key]
        if seen is not None and self.is_subscribed(change.key) and change.position > position_of(seen):
            self._cursors[change.key] = change.cursor
            self._put(change)

    def end(self, error: Exception) -> None:
        """Raise the error once all earlier changes are read."""
        self._ended = self._ended or error
        self._news.set()

    def close(self) -> None:
        """End it without an error, as the client is closed."""
        self._closed = True
        self.end(ConnectionFailed("The client was closed."))

    def _put(self, news: Change | Resync) -> None:
        if len(self._waiting) >= self._max_waiting:
            self._waiting.clear()
            self._waiting.extend(Resync(key, position_of(c), c) for key, c in sorted(self._cursors.items()) if c)
        else:
            self._waiting.append(news)
        self._news.set()
