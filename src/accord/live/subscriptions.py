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
from accord.contract.records import Key, ListKey, RecordKey, list_owners, owner_to_read, parse_key, record_types
from accord.database.pool import Database
from accord.dispatch import Dispatch
from accord.journal.cursors import Cursor, fits
from accord.journal.reading import WINDOW, Forgotten, changes, keys_of
from accord.live import frames
from accord.live.hub import Hub
from accord.live.subscriber import Subscriber
from accord.problems import NotFound, Problem
from accord.security.permissions import allows

PAGE = 400
"""Missed changes that are queued at a time."""
AT_ONCE = 4
"""Reads at the same time for subscriptions: when thousands of clients come back together, requests get through."""
PATIENCE = 10.0
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

    def __init__(self, hub: Hub, database: Database, dispatch: Dispatch, document: dict[str, Any]) -> None:
        """Take the contract, which says what records there are and how each is read."""
        self._hub = hub
        self._database = database
        self._dispatch = dispatch
        self._records = record_types(document)
        self._lists = list_owners(document)
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
                    version, rests_on = await self._read(subscriber.caller, parse_key(text), request_id)
            finally:
                self._hub.grants.checked(subscriber)
            if lost.isdisjoint(rests_on):
                if text in subscriber.keys:
                    self._hub.grants.add(subscriber, text, rests_on)
                return version

    async def _read(self, caller: Caller, key: Key | None, request_id: str) -> tuple[int | None, list[str]]:
        """Return the version, and the keys of all that the caller must be able to read for this."""
        if isinstance(key, ListKey):
            return None, [str(key), *await self._owner_of_list(caller, key, request_id)]
        record = None if key is None else self._records.get(key.table)
        if record is None or key is None or not allows(caller.permissions, record.read.permission or "self"):
            raise Unreadable(NotFound.code, NotFound.detail)
        inputs = {p.argument: p.default for p in record.read.parameters if p.place == "query"}
        request = RequestInfo(request_id, deadline=clock.time() + PATIENCE)
        result = await self._dispatch(record.read, caller, request, inputs | {record.id_argument: key.id})
        if not result.success and result.status not in {403, 404}:
            raise Unreadable(result.error_code or Problem.code, result.message or Problem.detail)
        if not result.success:
            raise Unreadable(NotFound.code, NotFound.detail)
        owner = record.owner_of(result.data)
        rests_on = [] if owner is None else await self._owner_of_record(caller, owner, request_id)
        return result.data["version"], [str(key), *rests_on]

    async def _owner_of_list(self, caller: Caller, key: ListKey, request_id: str) -> list[str]:
        try:
            owner = owner_to_read(key, self._lists, caller.id)
        except KeyError:
            raise Unreadable(NotFound.code, NotFound.detail) from None
        return [] if owner is None else (await self._read(caller, owner, request_id))[1]

    async def _owner_of_record(self, caller: Caller, owner: RecordKey, request_id: str) -> list[str]:
        """Return what the owner rests on; one that has no owner itself need not be read for that."""
        if self._records[owner.table].owner is None:
            return [str(owner)]
        return (await self._read(caller, owner, request_id))[1]

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
