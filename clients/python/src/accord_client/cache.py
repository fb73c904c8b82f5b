"""A cache of records: what was read, with what this client changes on top of it, before the service has answered.

Each transaction shows at once. They are sent one after the other, in order. When the service refuses one, it is taken
back, and those behind it are applied again without it. While the service is out of reach they stay and are sent later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timezone
from typing import Final, Literal, TypeAlias
from uuid import UUID, uuid4

import attrs

from .errors import AccordError, ConnectionFailed, NotFound, ServiceUnavailable, Timeout
from .generated.facts import RecordOperation
from .generated.models import AnyRecord, ApplyTransaction, CreateOperation, FoundRecords, QueryRecords, RecordPointer
from .generated.operations import AsyncOperations
from .generated.types import UNSET, Model
from .live import Changes, Live, Resync, record_key
from .record_changes import CannotApply, applied, inverse, with_other_id
from .retries import pause_before

Key: TypeAlias = tuple[str, UUID]
"""Table and id."""
Outcome: TypeAlias = Literal["made", "queued"]
_AWAY: Final = (ConnectionFailed, ServiceUnavailable, Timeout)
_MOST_POINTERS: Final = 1000


@attrs.frozen
class Changed:
    """A record that looks different now, or is there no more."""

    table: str
    id: UUID


@attrs.frozen
class Refused:
    """A transaction that the service refused, and that was taken back."""

    transaction_id: UUID
    error: AccordError


Event: TypeAlias = "Changed | Refused"


@attrs.define(eq=False)
class _Pending:
    """A transaction that was not made yet."""

    operations: Sequence[RecordOperation]
    expected: dict[Key, int]
    """The versions that it was made from."""
    answer: asyncio.Future[Outcome]
    undone_by: list[RecordOperation]
    transaction_id: UUID = attrs.field(factory=uuid4)

    @property
    def keys(self) -> list[Key]:
        return list(dict.fromkeys((operation.table, operation.id) for operation in self.operations))

    @property
    def body(self) -> ApplyTransaction:
        versions: dict[str, dict[str, int]] = {}
        for (table, record_id), version in self.expected.items():
            versions.setdefault(table, {})[str(record_id)] = version
        return ApplyTransaction(
            transaction_id=self.transaction_id,
            operations=list(self.operations),
            expected_versions=versions or UNSET,
        )


class Cache:
    """Records by table and id. Made by `accord.cache()`."""

    def __init__(self, operations: AsyncOperations, live: Live) -> None:
        self._operations = operations
        self._live = live
        self._confirmed: dict[Key, AnyRecord] = {}
        self._doubted: set[Key] = set()
        """Records whose version may be of a history that was replaced by a backup: what is read next counts."""
        self._shown: dict[Key, AnyRecord | None] = {}
        """What pending transactions make of records; None for one that they delete."""
        self._pending: list[_Pending] = []
        self._undo: list[list[RecordOperation]] = []
        self._redo: list[list[RecordOperation]] = []
        self._listeners: list[Callable[[Event], object]] = []
        self._sending: asyncio.Task[None] | None = None
        self._flushing = asyncio.Event()
        self._tried = asyncio.Event()

    @property
    def pending(self) -> int:
        """How many transactions were not made yet."""
        return len(self._pending)

    def get(self, table: str, record_id: UUID) -> AnyRecord | None:
        """Return a record as it looks with all that is pending; None when it is not here."""
        key = table, record_id
        return self._shown[key] if key in self._shown else self._confirmed.get(key)

    def put(self, table: str, record: Model) -> None:
        """Take a record that was read in another way; an older version than the one here changes nothing."""
        self._confirm(table, AnyRecord.from_dict(record.to_dict()))

    async def load(self, pointers: Iterable[RecordPointer]) -> None:
        """Read records from the service; what is not there for the caller is removed here."""
        wanted = list(pointers)
        for start in range(0, len(wanted), _MOST_POINTERS):
            part = wanted[start : start + _MOST_POINTERS]
            found = await self._operations.query_records(QueryRecords(pointers=part))
            self._confirm_all(found)
            for pointer in part:
                if str(pointer.id) not in found.records.get(pointer.table, {}):
                    self._forget((pointer.table, pointer.id))

    def listen(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Call this with a Changed for each record that looks different, and a Refused; return what ends it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback)

    async def transact(self, operations: Sequence[RecordOperation]) -> Outcome:
        """Change records together, or none of them; the cache shows it before the service has answered.

        Returns "made", or "queued" while the service is out of reach. Raises what the service refuses it with, such as
        VersionConflict, after it was taken back.
        """
        self._redo.clear()
        return await self._transact(operations, self._undo)

    async def undo(self) -> Outcome | None:
        """Take the last transaction of this cache back, by another one; None when there is nothing to undo.

        A record that was deleted comes back under a new id.
        """
        return await self._take_back(self._undo, self._redo)

    async def redo(self) -> Outcome | None:
        """Make again what was undone last; None when there is nothing to redo."""
        return await self._take_back(self._redo, self._undo)

    async def flush(self) -> bool:
        """Send what is queued now; return whether all of it was made or refused.

        What is on its way already may fail for what was before; it is sent once more then.
        """
        if self._pending:
            self._tried.clear()
            self._flushing.set()
            self._send_soon()
            await self._tried.wait()
        return not self._pending

    @asynccontextmanager
    async def follow(self, table: str, record_id: UUID) -> AsyncGenerator[None, None]:
        """Keep a record current as long as the block runs. Raises NotFound when it may not be followed."""
        pointer = RecordPointer(table=table, id=record_id)
        async with self._live.follow(record_key(table, record_id)) as changes:
            await self.load([pointer])
            keeping = asyncio.create_task(self._keep_current(pointer, changes))
            try:
                yield
            finally:
                keeping.cancel()
                await asyncio.wait([keeping])

    async def close(self) -> None:
        """Stop sending; what is queued is lost with the cache."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])
        for pending in self._pending:
            pending.answer.cancel()

    async def _keep_current(self, pointer: RecordPointer, changes: Changes) -> None:
        try:
            async for news in changes:
                if isinstance(news, Resync):
                    self._doubted.update(self._confirmed)
                held = self._confirmed.get((pointer.table, pointer.id))
                if held is None or isinstance(news, Resync) or news.kind == "deleted" or news.version > held.version:
                    await self._load_patiently(pointer)
        except NotFound:
            self._forget((pointer.table, pointer.id))

    async def _load_patiently(self, pointer: RecordPointer) -> None:
        attempt = 0
        while True:
            try:
                return await self.load([pointer])
            except _AWAY:
                attempt += 1
                await asyncio.sleep(pause_before(attempt))

    async def _transact(self, operations: Sequence[RecordOperation], undo: list[list[RecordOperation]]) -> Outcome:
        pending = self._prepared(operations)
        with self._showing(pending.keys):
            self._pending.append(pending)
        if pending.undone_by:
            undo.append(pending.undone_by)
        self._send_soon()
        try:
            return await asyncio.shield(pending.answer)
        except AccordError:
            _remove(undo, pending.undone_by)
            raise

    def _prepared(self, operations: Sequence[RecordOperation]) -> _Pending:
        """Look up what the operations are made from, and what would take them back, the last one first."""
        now, records = _now(), dict[Key, "AnyRecord | None"]()
        undone_by: list[RecordOperation] = []
        expected: dict[Key, int] = {}
        for operation in operations:
            key = operation.table, operation.id
            if key not in records:
                records[key] = before = self.get(*key)
                if before is not None:
                    expected[key] = before.version
            undone_by = inverse(records[key], operation) + undone_by
            with suppress(CannotApply):
                records[key] = applied(records[key], operation, now)
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        return _Pending(operations, expected, answer, undone_by)

    async def _take_back(
        self, stack: list[list[RecordOperation]], other: list[list[RecordOperation]]
    ) -> Outcome | None:
        if not stack:
            return None
        operations = stack.pop()
        for created in [operation for operation in operations if isinstance(operation, CreateOperation)]:
            # An id is never free again: what was deleted comes back under another, also where later steps name it.
            new = uuid4()
            for steps in (operations, *self._undo, *self._redo):
                steps[:] = with_other_id(steps, created.id, new)
        try:
            return await self._transact(operations, other)
        except AccordError:
            stack.append(operations)  # Whoever reads again may try it once more.
            raise

    def _send_soon(self) -> None:
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
            self._sending.add_done_callback(self._sending_ended)

    def _sending_ended(self, task: asyncio.Task[None]) -> None:
        """Let nobody wait for ever when sending itself went wrong, as on a client that was closed."""
        self._tried.set()
        error = None if task.cancelled() else task.exception()
        if error is not None:
            for pending in [pending for pending in self._pending if not pending.answer.done()]:
                pending.answer.set_exception(error)
                pending.answer.exception()

    async def _send_all(self) -> None:
        failures = 0
        while self._pending:
            pending = self._pending[0]
            self._flushing.clear()
            try:
                found = await self._operations.apply_transaction(pending.body)
            except _AWAY:
                failures += 1
                await self._wait_for_the_service(failures)
            except AccordError as error:
                self._take_out(pending, error)
            else:
                failures = 0
                self._made(pending, found)
        self._tried.set()

    async def _wait_for_the_service(self, failures: int) -> None:
        for waiting in self._pending:
            if not waiting.answer.done():
                waiting.answer.set_result("queued")
        if self._flushing.is_set():
            return  # Somebody asked for it while this try was on its way.
        self._tried.set()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._flushing.wait(), pause_before(failures))

    def _made(self, pending: _Pending, found: FoundRecords) -> None:
        with self._showing(pending.keys):
            self._pending.remove(pending)
            for table, record_id in pending.keys:
                if str(record_id) not in found.records.get(table, {}):
                    self._confirmed.pop((table, record_id), None)
            self._confirm_all(found)
        if not pending.answer.done():
            pending.answer.set_result("made")

    def _take_out(self, refused: _Pending, error: AccordError) -> None:
        """Take a refused transaction back; what was built on it expects one version less of its records."""
        with self._showing(refused.keys):
            self._pending.remove(refused)
        for later in self._pending:
            for key in refused.keys:
                if key in later.expected:
                    later.expected[key] -= 1
        if refused.answer.done():  # Whoever began it was told that it is queued.
            for stack in (self._undo, self._redo):
                _remove(stack, refused.undone_by)
        else:
            refused.answer.set_exception(error)
            refused.answer.exception()  # Whoever waited may have been cancelled; then nobody else looks at it.
        self._tell(Refused(refused.transaction_id, error))

    def _confirm_all(self, found: FoundRecords) -> None:
        for table, records in found.records.items():
            for record in records.values():
                self._confirm(table, record)

    def _confirm(self, table: str, record: AnyRecord) -> None:
        held = self._confirmed.get((table, record.id))
        if held is None or (table, record.id) in self._doubted or record.version > held.version:
            self._doubted.discard((table, record.id))
            with self._showing([(table, record.id)]):
                self._confirmed[table, record.id] = record

    def _forget(self, key: Key) -> None:
        with self._showing([key]):
            self._confirmed.pop(key, None)

    @contextmanager
    def _showing(self, keys: Iterable[Key]) -> Generator[None, None, None]:
        """Apply all that is pending again after something changed, and tell of records that look different then."""
        before = {key: self.get(*key) for key in (*keys, *self._shown)}
        yield
        self._shown = _with_all(self._pending, self._confirmed)
        for key, record in before.items():
            if self.get(*key) != record:
                self._tell(Changed(*key))

    def _tell(self, event: Event) -> None:
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - a listener's mistake is told, and the queue goes on
                told = {"message": "A listener of a cache failed.", "exception": error}
                asyncio.get_running_loop().call_exception_handler(told)


def _with_all(pending: Sequence[_Pending], confirmed: Mapping[Key, AnyRecord]) -> dict[Key, AnyRecord | None]:
    """Return the records that pending transactions touch as these leave them, each one version further for each."""
    now, shown = _now(), dict[Key, "AnyRecord | None"]()
    for transaction in pending:
        for operation in transaction.operations:
            key = operation.table, operation.id
            with suppress(CannotApply):
                shown[key] = applied(shown[key] if key in shown else confirmed.get(key), operation, now)
        for key in transaction.keys:
            if (record := shown.get(key)) is not None:
                shown[key] = attrs.evolve(record, version=record.version + 1)
    return shown


def _remove(stack: list[list[RecordOperation]], entry: list[RecordOperation]) -> None:
    """Remove this very entry, and not one that is equal."""
    stack[:] = [other for other in stack if other is not entry]


def _now() -> datetime:
    return datetime.now(timezone.utc)
