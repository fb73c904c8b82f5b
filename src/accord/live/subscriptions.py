"""The beginning of a subscription: access is checked, missed changes are replayed, then live changes follow.

The order makes it complete. First the hub collects all changes after a position. Then the record is read as its caller,
so the version is at least that of the position. Then the journal gives the changes missed up to the position. Then the
collected changes follow.
"""

import asyncio
from collections.abc import Container

from accord import clock
from accord.context import Caller, RequestInfo
from accord.contract.operations import Operation
from accord.contract.records import Key, parse_key
from accord.database.autocommit import Bounded
from accord.dispatch import Dispatch
from accord.journal.cursors import Cursor, fits
from accord.journal.reading import WINDOW, ChangeEntry, PositionPruned, changes, keys_of
from accord.live import frames
from accord.live.hub import Hub
from accord.live.subscriber import Subscriber
from accord.problems import NotFound, Problem

PAGE = 400
"""Missed changes that are read and queued at a time."""
MAX_CONCURRENCY = 4
"""Concurrent reads for subscriptions: requests get through while thousands of clients reconnect."""
READ_TIMEOUT = 10.0
"""Seconds that reading a record may take."""


class Unreadable(Exception):
    """The key may not be followed. A record that the caller may not read looks exactly like a missing one."""

    def __init__(self, code: str, detail: str) -> None:
        """Take the code and the message for the client."""
        super().__init__(code)
        self.code = code
        self.detail = detail


class Subscriptions:
    """Begins subscriptions."""

    def __init__(self, hub: Hub, database: Bounded, dispatch: Dispatch, stream_changes: Operation) -> None:
        """Take the operation `streamChanges`, whose flow decides which keys a caller may follow."""
        self._hub = hub
        self._database = database
        self._dispatch = dispatch
        self._stream_changes = stream_changes
        self._reading = asyncio.Semaphore(MAX_CONCURRENCY)

    async def begin(self, subscriber: Subscriber, text: str, after: Cursor | None, request_id: str) -> None:
        """Subscribe to the key, or send an error frame."""
        until = self._hub.start(subscriber, text)
        try:
            version = await self.allow(subscriber, text, request_id)
            if not await self.follow(subscriber, {text: version}, after or until, until):
                # Access was removed meanwhile: the client got `revoked`, and still waits for the response to its frame.
                raise Unreadable(NotFound.code, NotFound.detail)
        except Unreadable as refused:
            self._hub.stop(subscriber, text)
            subscriber.put(frames.error(refused.code, refused.detail, text))

    async def follow(
        self, subscriber: Subscriber, versions: dict[str, int | None], after: Cursor, until: Cursor
    ) -> list[str]:
        """Send the changes missed between two cursors, then live ones; the keys are allowed and being collected.

        Returns the keys that began: all but those whose access was removed meanwhile.
        """
        await subscriber.wait_for_capacity()
        keys = [key for key in map(parse_key, versions) if key is not None]
        async with self._reading:
            outcome, missed = await self._missed(keys, after, until)
        begun = [text for text in versions if text in subscriber.keys]
        for text in begun:
            subscriber.put(frames.subscribed(text, outcome, until, versions[text]))
        while missed:
            for entry in missed:
                _put(subscriber, entry, versions)
            await subscriber.wait_for_capacity()
            full = len(missed) == PAGE
            last = missed[-1].position
            missed = await changes(self._database, last, until.position, keys, PAGE) if full else []
        subscriber.begun()
        return begun

    async def allow(self, subscriber: Subscriber, text: str, request_id: str) -> int | None:
        """Return the version of a record, None for a list; raise Unreadable unless the caller may read it.

        The hub collects already and notes access that the account loses during the read: then the read is repeated.
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
        """Let the flow `streamChanges` decide; return the version, and the keys that access rests on."""
        if parse_key(text) is None:
            raise Unreadable(NotFound.code, NotFound.detail)
        request = RequestInfo(request_id, deadline=clock.time() + READ_TIMEOUT)
        # The flow would look the newest cursor up if it got none.
        inputs = {"keys": text, "after": str(self._hub.cursor)}
        result = await self._dispatch(self._stream_changes, caller, request, inputs)
        if not result.success and result.status in {403, 404}:
            raise Unreadable(NotFound.code, NotFound.detail)
        if not result.success:
            raise Unreadable(result.error_code or Problem.code, result.message or Problem.detail)
        [item] = result.data["items"]
        return item["version"], item["restsOn"]

    async def _missed(self, keys: list[Key], after: Cursor, until: Cursor) -> tuple[str, list[ChangeEntry]]:
        if after == until:
            return "live", []
        # A cursor behind `until` may come from a process that is ahead of this one, never from ahead of the journal.
        if not await fits(self._database, after) or until.position - after.position > WINDOW:
            return "resync_required", []
        try:
            missed = await changes(self._database, after.position, until.position, keys, PAGE)
        except PositionPruned:
            return "resync_required", []
        return ("replayed" if missed else "live"), missed


def _put(subscriber: Subscriber, entry: ChangeEntry, requested: Container[str]) -> None:
    for key in keys_of(entry):
        if key in requested and key in subscriber.keys:
            subscriber.put_missed(key, frames.change(key, entry))
