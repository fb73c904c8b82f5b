"""A cache of records: records that were read, with the changes of this client applied before the service responds.

Each transaction shows at once. The cache sends transactions one after the other, in order. A transaction that the
service refuses is rolled back, and later ones are applied again without it. Only a response of the service itself ends
a transaction: after any other response, such as that of a proxy, the cache sends it again.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal, TypeAlias
from uuid import UUID

import attrs

from .changes import Changes, Resync, record_key, record_of
from .errors import AccordError, ConnectionFailed, NotFound, SignedOut, other_account, other_history
from .generated.metadata import RecordOperation
from .generated.models import AnyRecord, Change, FoundRecords, QueryRecords, RecordPointer, TableName
from .generated.operations import AsyncOperations
from .generated.types import Model
from .held_records import HeldRecords, Key, Pending, found_in
from .live import Live
from .record_changes import CannotApply, applied, inverse, with_new_ids
from .retries import is_final, pause_of_queue
from .tokens import signed_in_as

Outcome: TypeAlias = Literal["made", "queued"]
_MAX_POINTERS: Final = 1000


@attrs.frozen
class Changed:
    """A record that looks different now, or no longer exists."""

    table: TableName
    id: UUID


@attrs.frozen
class Refused:
    """A transaction that the service refused, and that was rolled back."""

    transaction_id: UUID
    error: AccordError


@attrs.frozen
class Lost:
    """A key that the cache no longer follows, because the account may not follow it."""

    key: str
    error: AccordError


Event: TypeAlias = "Changed | Refused | Lost | Resync"
Steps: TypeAlias = "list[RecordOperation]"
"""The operations that undo a transaction."""


@attrs.define(eq=False, kw_only=True)
class _Queued(Pending):
    response: asyncio.Future[Outcome]
    back: Steps
    stack: list[Steps]
    """The stack that `back` is on."""
    taken_from: list[Steps] | None
    """The stack that its own operations were on, if it is an undo or a redo."""


class Cache:
    """Records by table and id, of one account. Made by `accord.cache()`."""

    def __init__(self, operations: AsyncOperations, live: Live, account: Callable[[], str | None]) -> None:
        self._operations = operations
        self._live = live
        self._account_now = account
        self._account = account()
        self._held = HeldRecords[_Queued]()
        self._reading_again = asyncio.Lock()
        self._undo: list[Steps] = []
        self._redo: list[Steps] = []
        self._listeners: dict[object, Callable[[Event], object]] = {}
        self._sending: asyncio.Task[None] | None = None
        self._on_its_way: _Queued | None = None
        self._flushing = asyncio.Event()
        self._tried = asyncio.Event()
        self._closed = False

    @property
    def pending(self) -> int:
        """The number of transactions that the service has not made yet."""
        return len(self._held.pending)

    def get(self, table: TableName, record_id: UUID) -> AnyRecord | None:
        """Return a copy of a record with all pending transactions applied; None when the record is not here."""
        return copy.deepcopy(self._held.get((table, record_id)))

    def put(self, table: TableName, record: Model) -> None:
        """Take a record that you read yourself; an older version than the one here changes nothing."""
        read = AnyRecord.from_dict(copy.deepcopy(record.to_dict()))
        self._held.put((table, read.id), read)
        self._tell_changes()

    async def load(self, pointers: Iterable[RecordPointer]) -> None:
        """Read records from the service; a record that the caller cannot see is removed here."""
        await self._load((pointer.table, pointer.id) for pointer in pointers)

    def listen(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call this function with every Event, after the step that caused it; return a function that ends it."""
        listener = object()
        self._listeners[listener] = callback

        def end() -> None:
            self._listeners.pop(listener, None)

        return end

    async def transact(self, operations: Sequence[RecordOperation]) -> Outcome:
        """Change records together, or none of them; the cache shows the change before the service responds.

        Returns "made", or "queued" while the service is out of reach. Raises the error of the service, such as
        VersionConflict, after the change was rolled back.
        """
        self._require_account()
        self._redo.clear()
        return await self._transact(copy.deepcopy(list(operations)), self._undo)

    async def undo(self) -> Outcome | None:
        """Undo the last transaction of this cache, by another one; None without a transaction to undo.

        A record that was deleted comes back under a new id.
        """
        return await self._take_back(self._undo, self._redo)

    async def redo(self) -> Outcome | None:
        """Make the last undone transaction again; None without a transaction to redo."""
        return await self._take_back(self._redo, self._undo)

    async def flush(self) -> bool:
        """Send all queued transactions now; return whether each was made or refused.

        A try that is on its way may still fail for an earlier cause; its transaction is then sent once more.
        """
        if self._held.pending and not self._closed:
            self._tried.clear()
            self._flushing.set()
            self._send_soon()
            await self._tried.wait()
        return not self._held.pending

    @asynccontextmanager
    async def follow(self, table: TableName, record_id: UUID) -> AsyncGenerator[None, None]:
        """Keep a record current while the block runs. Raises NotFound when the account may not follow the record."""
        async with self._following(record_key(table, record_id)) as begin:
            await self.load([RecordPointer(table=table, id=record_id)])
            begin()
            yield

    @asynccontextmanager
    async def follow_list(self, key: str) -> AsyncGenerator[None, None]:
        """Keep the records of a list current while the block runs: each is read when it changes or enters the list.

        You read the present content of the list yourself, inside the block, and `put` it here; after a Resync, again.
        Raises NotFound when the account may not follow the list.
        """
        async with self._following(key) as begin:
            begin()
            yield

    async def close(self) -> None:
        """Stop sending. Queued transactions are lost with the cache; calls that wait for them get ConnectionFailed."""
        self._closed = True
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        self._tried.set()  # This ends the calls that wait in `flush`.
        for queued in self._held.pending:
            _settle(queued, ConnectionFailed("The cache was closed. A read shows whether the change was made."))

    def _require_account(self) -> str | None:
        """Return the account of this cache: the first that was signed in. Raises SignedOut under any other account."""
        now = self._account_now()
        self._account = self._account or now
        if now is not None and now != self._account:
            raise other_account()
        return self._account

    async def _load(self, keys: Iterable[Key]) -> None:
        requested = list(dict.fromkeys(keys))
        while requested:
            part, began = requested[:_MAX_POINTERS], self._held.tick()
            pointers = [RecordPointer(table=table, id=record_id) for table, record_id in part]
            with signed_in_as(self._require_account()):
                found = await self._operations.query_records(QueryRecords(pointers=pointers))
            requested = requested[len(part) :] + [
                key for key in part if not self._held.read(key, found_in(found, key), began)
            ]
            self._refuse_void()
            self._tell_changes()

    def _refuse_void(self) -> None:
        void, self._held.void = self._held.void, [queued for queued in self._held.void if queued is self._on_its_way]
        for queued in void:
            if queued is not self._on_its_way:
                self._take_out(queued, other_history())

    @asynccontextmanager
    async def _following(self, key: str) -> AsyncGenerator[Callable[[], None], None]:
        keeping: list[asyncio.Task[None]] = []
        async with self._live.follow(key) as changes:
            try:
                yield lambda: keeping.append(asyncio.create_task(self._keep_current(key, changes)))
            finally:
                for task in keeping:
                    task.cancel()
                    await asyncio.wait([task])

    async def _keep_current(self, key: str, changes: Changes) -> None:
        try:
            async for news in changes:
                await self._catch_up(news)
        except AccordError as error:
            pointer = record_of(key)
            if isinstance(error, NotFound) and pointer is not None:
                self._held.remove(pointer, for_good=False)
                self._tell_changes()
            self._tell(Lost(key, error))

    async def _catch_up(self, news: Change | Resync) -> None:
        key = record_of(news)
        if isinstance(news, Resync):
            self._held.doubt_all()
            await _until_it_works(self._read_doubted)
            if key is not None:
                await _until_it_works(lambda: self._load([key]))
            self._tell(news)
        elif key is None or self._held.is_deleted(key):
            pass
        elif news.kind == "deleted":
            self._held.remove(key, for_good=True)
            self._tell_changes()
        elif news.version > self._held.version(key):
            # The change does not come again, so the read is repeated until it succeeds.
            await _until_it_works(lambda: self._load([key]))

    async def _read_doubted(self) -> None:
        """Read all doubted records again, once for all callers."""
        async with self._reading_again:
            while self._held.doubted:
                await self._load(list(self._held.doubted))

    async def _transact(
        self, operations: Sequence[RecordOperation], stack: list[Steps], taken_from: list[Steps] | None = None
    ) -> Outcome:
        if self._closed:
            raise RuntimeError("The cache was closed.")
        if not operations:
            return "made"
        queued = self._prepared(operations, stack, taken_from)
        self._held.add(queued)
        if queued.back:
            stack.append(queued.back)
        self._send_soon()
        self._tell_changes()
        return await asyncio.shield(queued.response)

    def _prepared(
        self, operations: Sequence[RecordOperation], stack: list[Steps], taken_from: list[Steps] | None
    ) -> _Queued:
        """Look up the records that the operations change, and the operations that undo them, the last one first."""
        response: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        queued = _Queued(
            operations=operations, claims={}, response=response, back=[], stack=stack, taken_from=taken_from
        )
        queued.claims = self._held.claims(queued.keys)
        records = {key: self._held.get(key) for key in queued.keys}
        for operation in operations:
            key = operation.table, operation.id
            queued.back[:0] = inverse(records[key], operation)
            with suppress(CannotApply):
                records[key] = applied(records[key], operation, queued.at)
        return queued

    async def _take_back(self, stack: list[Steps], other: list[Steps]) -> Outcome | None:
        self._require_account()
        if not stack:
            return None
        operations = stack.pop()
        with_new_ids(operations, [*self._undo, *self._redo])
        return await self._transact(operations, other, stack)

    def _send_soon(self) -> None:
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        failures = 0
        while self._held.pending:
            self._flushing.clear()
            error = await self._send_first()
            failures = failures + 1 if error else 0
            if error:
                await self._wait_for_the_service(pause_of_queue(failures, error))
        self._tried.set()

    async def _send_first(self) -> Exception | None:
        """Send the first transaction of the queue; return the error that leaves it undecided."""
        try:
            await self._read_doubted()
        except Exception as error:  # noqa: BLE001 - a failed read decides no transaction
            return error
        if not self._held.pending:
            return None
        queued = self._on_its_way = self._held.pending[0]
        try:
            with signed_in_as(self._require_account()):
                found = await self._operations.apply_transaction(queued.body)
        except Exception as error:  # noqa: BLE001 - an error of the token store, say; the queue outlives it
            if not is_final(error):
                return error
            self._take_out(queued, error)
        else:
            if not queued.is_response_of(found):
                return ConnectionFailed("The response is not from the service.")
            self._made(queued, found)
        finally:
            self._on_its_way = None
            self._refuse_void()
        return None

    async def _wait_for_the_service(self, pause: float) -> None:
        for waiting in self._held.pending:
            _settle(waiting, "queued")
        if self._flushing.is_set():
            return  # `flush` was called while this try was on its way.
        self._tried.set()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._flushing.wait(), pause)

    def _made(self, queued: _Queued, found: FoundRecords) -> None:
        self._held.made(queued, found)
        _settle(queued, "made")
        self._tell_changes()

    def _take_out(self, refused: _Queued, error: AccordError) -> None:
        """Roll a refused transaction back, with the later ones that need a record that it was to create."""
        if refused not in self._held.pending:
            return
        groundless = self._held.refused(refused)
        # Compare by identity: another entry may be equal.
        refused.stack[:] = [other for other in refused.stack if other is not refused.back]
        if refused.taken_from is not None:
            refused.taken_from.append(list(refused.operations))  # A caller may try again after another read.
        _settle(refused, error)
        self._tell_changes()
        self._tell(Refused(refused.transaction_id, error))
        for later in [queued for queued in self._held.pending if queued in groundless]:
            self._take_out(later, error)

    def _tell_changes(self) -> None:
        changed, self._held.changed = self._held.changed, {}
        for key in changed:
            self._tell(Changed(*key))

    def _tell(self, event: Event) -> None:
        """Call the listeners when this step is over, so that they always find the cache between two steps."""
        for listener in self._listeners:
            asyncio.get_running_loop().call_soon(self._tell_one, listener, event)

    def _tell_one(self, listener: object, event: Event) -> None:
        if callback := self._listeners.get(listener):
            callback(event)


async def _until_it_works(read: Callable[[], Awaitable[None]]) -> None:
    failures = 0
    while True:
        try:
            return await read()
        except Exception as error:
            if isinstance(error, SignedOut) or is_final(error):
                raise
            failures += 1
            await asyncio.sleep(pause_of_queue(failures, error))


def _settle(queued: _Queued, with_: Outcome | AccordError) -> None:
    """Give the waiting call its result, unless the call has a result or was cancelled."""
    if queued.response.done():
        return
    if isinstance(with_, AccordError):
        queued.response.set_exception(with_)
        queued.response.exception()
    else:
        queued.response.set_result(with_)
