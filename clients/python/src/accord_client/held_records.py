"""The content of a cache: the records of the service, the transactions that wait, and the records with both.

One rule prevents lost updates. A record with a waiting transaction does not change: a newer state from the service is
held beside it until no transaction waits. So a transaction is made from the record that its author saw, and claims that
version and no other. A claim rises only when a response says that a transaction of this cache made the next version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from typing import Generic, TypeAlias, TypeVar
from uuid import UUID, uuid4

import attrs

from .generated.metadata import RecordOperation
from .generated.models import AnyRecord, ApplyTransaction, DeleteOperation, FoundRecords, TableName
from .generated.types import UNSET
from .record_changes import CannotApply, applied

Key: TypeAlias = tuple[TableName, UUID]
"""Table and id."""


@attrs.define(eq=False, kw_only=True)
class Pending:
    """A transaction that the service has not made yet."""

    operations: Sequence[RecordOperation]
    claims: dict[Key, int]
    """The versions that its author saw; 0 for a record that an earlier transaction is to create."""
    at: datetime = attrs.field(factory=lambda: datetime.now(timezone.utc))
    transaction_id: UUID = attrs.field(factory=uuid4)

    @property
    def keys(self) -> list[Key]:
        return list(dict.fromkeys(map(key_of, self.operations)))

    @property
    def body(self) -> ApplyTransaction:
        versions: dict[str, dict[str, int]] = {}
        for (table, record_id), version in self.claims.items():
            versions.setdefault(table, {})[str(record_id)] = version
        return ApplyTransaction(
            transaction_id=self.transaction_id,
            operations=list(self.operations),
            expected_versions=versions or UNSET,
        )

    def is_response_of(self, found: FoundRecords) -> bool:
        """Return whether this can be the response to the transaction: it has all records that this one leaves."""
        left = {key_of(operation): not isinstance(operation, DeleteOperation) for operation in self.operations}
        return all(found_in(found, key) is not None for key, is_there in left.items() if is_there)


P = TypeVar("P", bound=Pending)


class HeldRecords(Generic[P]):
    """The records of one cache."""

    def __init__(self) -> None:
        self.pending: list[P] = []
        self.changed: dict[Key, None] = {}
        """The keys of records that look different; the cache clears them when it tells its listeners."""
        self.doubted: set[Key] = set()
        """The keys of records that are to be read again, after a resync."""
        self.void: list[P] = []
        """Transactions that claim versions that never existed; the cache clears them when it takes them out."""
        self._confirmed: dict[Key, AnyRecord] = {}
        self._shown: dict[Key, AnyRecord] = {}
        self._beside: dict[Key, AnyRecord | None] = {}
        """The newer states of records with a waiting transaction; None for a record that no longer exists."""
        self._deleted: set[Key] = set()
        """The keys of records deleted for good: an id is never used again."""
        self._learned: dict[Key, int] = {}
        """The time at which the cache learned that a record exists, or does not."""
        self._now = 0
        self._doubted_at = 0

    def get(self, key: Key) -> AnyRecord | None:
        """Return the record with all pending transactions applied."""
        return self._shown.get(key)

    def version(self, key: Key) -> int:
        """Return the last version that the service gave; 0 for a record that is not here."""
        record = self._beside[key] if key in self._beside else self._confirmed.get(key)
        return record.version if record else 0

    def is_deleted(self, key: Key) -> bool:
        return key in self._deleted

    def tick(self) -> int:
        """Return the time of this cache, which later readings are compared with."""
        self._now += 1
        return self._now

    def claims(self, keys: Iterable[Key]) -> dict[Key, int]:
        """Return the claims of a transaction made now: those of the transaction before it, or the versions here."""
        return {key: self._claim(key) for key in keys if key in self._shown}

    def add(self, pending: P) -> None:
        self.pending.append(pending)
        self._show(pending.keys)

    def made(self, made: P, found: FoundRecords) -> None:
        """Take a response. Later transactions claim the versions that it made, if they claimed the versions before."""
        self.pending.remove(made)
        for key in made.keys:
            record = found_in(found, key)
            self._learn(key)
            self._confirm(key, record)
            if record is None:
                self._deleted.add(key)
                continue
            for later in self.pending:
                if later.claims.get(key) == record.version - 1:
                    later.claims[key] = record.version
        self._settle(made.keys)

    def refused(self, refused: P) -> list[P]:
        """Roll a transaction back; return the later ones that need a record that it was to create."""
        self.pending.remove(refused)
        self._settle(refused.keys)
        return [later for later in self.pending if any(later.claims.get(key) == 0 for key in refused.keys)]

    def put(self, key: Key, record: AnyRecord) -> None:
        """Take a record that was read; an older version than the one here changes nothing."""
        if key not in self._deleted and key not in self.doubted and record.version > self.version(key):
            self._learn(key)
            self._keep(key, record)

    def remove(self, key: Key, *, for_good: bool) -> None:
        """Note that a record no longer exists: it was deleted, or the caller may not see it."""
        if for_good:
            self._deleted.add(key)
        self._learn(key)
        self._keep(key, None)

    def read(self, key: Key, record: AnyRecord | None, began: int) -> bool:
        """Take the record of a read that began at this time; return False when the record must be read again.

        A read that contradicts a later note is repeated, because the cache cannot know which of both is older.
        """
        if began < self._doubted_at:
            return False
        if key in self.doubted:
            self._replace(key, record)
            return True
        was_here = self.version(key) > 0
        if (record is not None) != was_here and key not in self._deleted and self._learned.get(key, 0) > began:
            return False
        if record is not None:
            self.put(key, record)
        elif was_here:
            self.remove(key, for_good=False)
        return True

    def doubt_all(self) -> None:
        """Doubt every record until it is read again: a read from here on counts, whatever its version."""
        self._doubted_at = self.tick()
        self._deleted.clear()
        self.doubted.update(self._confirmed, self._beside)

    def _replace(self, key: Key, record: AnyRecord | None) -> None:
        """Take the record of a doubted key; no transaction may claim a version that the record cannot come from."""
        if self._is_busy(key) and not _is_other_history(self._confirmed.get(key), record):
            self._beside[key] = record
        else:
            self.void += [pending for pending in self.pending if pending.claims.get(key)]
            self._beside.pop(key, None)
            self._confirm(key, record)
        self._learn(key)
        self._show([key])

    def _learn(self, key: Key) -> None:
        self._learned[key] = self.tick()
        self.doubted.discard(key)

    def _claim(self, key: Key) -> int:
        for earlier in reversed(self.pending):
            if key in earlier.claims:
                return earlier.claims[key]
        held = self._confirmed.get(key)
        return held.version if held else 0

    def _keep(self, key: Key, record: AnyRecord | None) -> None:
        if self._is_busy(key):
            self._beside[key] = record
        else:
            self._confirm(key, record)
            self._show([key])

    def _settle(self, keys: Iterable[Key]) -> None:
        """Take the newer states of records on which no transaction waits any more."""
        for key in keys:
            if key in self._beside and not self._is_busy(key):
                record, held = self._beside.pop(key), self._confirmed.get(key)
                if record is None or held is None or record.version > held.version:
                    self._confirm(key, None if key in self._deleted else record)
        self._show(keys)

    def _confirm(self, key: Key, record: AnyRecord | None) -> None:
        if record is None:
            self._confirmed.pop(key, None)
        else:
            self._confirmed[key] = record

    def _is_busy(self, key: Key) -> bool:
        return any(key in pending.keys for pending in self.pending)

    def _show(self, keys: Iterable[Key]) -> None:
        for key in keys:
            record = self._confirmed.get(key)
            for pending in self.pending:
                record = _after(record, pending, key)
            if record != self._shown.get(key):
                self.changed[key] = None
            if record is None:
                self._shown.pop(key, None)
            else:
                self._shown[key] = record


def key_of(operation: RecordOperation) -> Key:
    return operation.table, operation.id


def found_in(found: FoundRecords, key: Key) -> AnyRecord | None:
    return found.records.get(key[0], {}).get(str(key[1]))


def _after(record: AnyRecord | None, pending: Pending, key: Key) -> AnyRecord | None:
    """Return a record after a transaction: one version later, however many operations."""
    own = [operation for operation in pending.operations if key_of(operation) == key]
    version = record.version if record else 0
    for operation in own:
        with suppress(CannotApply):
            record = applied(record, operation, pending.at)
    return attrs.evolve(record, version=version + 1) if own and record is not None else record


def _is_other_history(held: AnyRecord | None, now: AnyRecord | None) -> bool:
    """Return whether a record cannot come from the one held: it is older, or differs at the same version."""
    if held is None or now is None:
        return False
    return now.version < held.version or (now.version == held.version and now != held)
