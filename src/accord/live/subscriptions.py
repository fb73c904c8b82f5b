"""How a subscription begins: who may follow a key, what was missed, and from where changes flow.

The order is what makes it complete. First the hub collects what happens from now on, at a position; then the record is
read as its caller may read it, so the version is at least that of the position; then the journal tells what was missed
up to the position; then what was collected follows.
"""

import asyncio
from collections.abc import Container
from typing import Any

from accord import clock
from accord.context import Caller, RequestInfo
from accord.contract.operations import Operation
from accord.contract.records import Key, parse_key
from accord.database.pool import Database
from accord.dispatch import Dispatch
from accord.journal.cursors import Cursor, fits
from accord.journal.reading import WINDOW, Forgotten, changes, keys_of
from accord.live import frames
from accord.live.hub import Hub
from accord.live.subscriber import Subscriber
from accord.problems import NotFound, Problem

PAGE = 400
"""Missed changes that are queued at a time."""
AT_ONCE = 4
"""Reads at the same time for subscriptions: when thousands of clients come back together, requests get through."""
READ_TIMEOUT = 10.0
"""Seconds that reading a record may take."""


class Unreadable(Exception):
    """The key may not be followed: what the caller may not read answers exactly like what there is not."""

    def __init__(self, code: str, detail: str) -> None:
        """Take what the client is told."""
        super().__init__(code)
        self.code = code
        self.detail = detail


class Subscriptions:
    """Begins subscriptions."""

    def __init__(self, hub: Hub, database: Database, dispatch: Dispatch, stream_changes: Operation) -> None:
        """Take the operation `streamChanges`, whose flow decides which keys a caller may follow."""
        self._hub = hub
        self._database = database
        self._dispatch = dispatch
        self._stream_changes = stream_changes
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def begin(self, subscriber: Subscriber, text: str, after: Cursor | None, request_id: str) -> None:
        """Subscribe to the key, or tell why not."""
        upto = self._hub.start(subscriber, text)
        try:
            version = await self.allow(subscriber, text, request_id)
            if not await self.follow(subscriber, {text: version}, after or upto, upto):
                # Access was removed meanwhile. The client was told, and waits for its answer all the same.
                raise Unreadable(NotFound.code, NotFound.detail)
        except Unreadable as refused:
            self._hub.stop(subscriber, text)
            subscriber.put(frames.error(refused.code, refused.detail, text))

    async def follow(
        self, subscriber: Subscriber, versions: dict[str, int | None], after: Cursor, upto: Cursor
    ) -> list[str]:
        """Send what was missed between two places, then what happens; the keys are allowed and being collected.

        Returns the keys that began: those to which access was not removed meanwhile.
        """
        await subscriber.room()
        keys = [key for key in map(parse_key, versions) if key is not None]
        async with self._reading:
            outcome, missed = await self._missed(keys, after, upto)
        begun = [text for text in versions if text in subscriber.keys]
        for text in begun:
            subscriber.put(frames.subscribed(text, outcome, upto, versions[text]))
        while missed:
            for entry in missed:
                _put(subscriber, entry, versions)
            await subscriber.room()
            full = len(missed) == PAGE
            last = missed[-1].position
            missed = await changes(self._database, last, upto.position, keys, PAGE) if full else []
        subscriber.begun()
        return begun

    async def allow(self, subscriber: Subscriber, text: str, request_id: str) -> int | None:
        """Return the version of a record, None for a list; raise Unreadable for what the caller may not read.

        The hub collects already, and notes what the account loses while this reads: then it is read again.
        """
        while True:
            lost = self._hub.grants.check(subscriber)
            try:
                async with self._reading:
                    version, rests_on = await self._read(subscriber.caller, text, request_id)
            finally:
                self._hub.grants.checked(subscriber)
            if lost.isdisjoint(rests_on):
                if text in subscriber.keys:
                    self._hub.grants.add(subscriber, text, rests_on)
                return version

    async def _read(self, caller: Caller, text: str, request_id: str) -> tuple[int | None, list[str]]:
        """Let the flow of `streamChanges` decide; return the version, and the keys that the permission rests on."""
        if parse_key(text) is None:
            raise Unreadable(NotFound.code, NotFound.detail)
        request = RequestInfo(request_id, deadline=clock.time() + READ_TIMEOUT)
        # The place to begin is known here, and need not be looked up.
        inputs = {"keys": text, "after": str(self._hub.cursor)}
        result = await self._dispatch(self._stream_changes, caller, request, inputs)
        if not result.success and result.status in {403, 404}:
            raise Unreadable(NotFound.code, NotFound.detail)
        if not result.success:
            raise Unreadable(result.error_code or Problem.code, result.message or Problem.detail)
        [item] = result.data["items"]
        return item["version"], item["restsOn"]

    async def _missed(self, keys: list[Key], after: Cursor, upto: Cursor) -> tuple[str, list[Any]]:
        if after == upto:
            return "live", []
        # Also behind `upto`: another process may be ahead of this one, but nobody has seen what the journal has not.
        if not await fits(self._database, after) or upto.position - after.position > WINDOW:
            return "resync_required", []
        try:
            missed = await changes(self._database, after.position, upto.position, keys, PAGE)
        except Forgotten:
            return "resync_required", []
        return ("replayed" if missed else "live"), missed


def _put(subscriber: Subscriber, entry: Any, wanted: Container[str]) -> None:
    for key in keys_of(entry):
        if key in wanted and key in subscriber.keys:
            subscriber.put_missed(key, frames.change(key, entry))
