"""Reactions after the commit: each has a durable reader of the journal, in one process at a time (RX-2).

The effects of a batch of entries and the reader's new position are one commit, so each entry has its effect exactly
once, in order. The transaction holds the reader's row. A process that dies or is frozen loses that lock with its
transaction, and another process goes on from the position that was committed last.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from accord.context import SYSTEM, Context, RequestInfo, Resources
from accord.dispatch import run_to_commit
from accord.jobs.cancellation import cancelled_from_outside_alone
from accord.journal import readers
from accord.journal.readers import Entry
from accord.journal.reading import Replaced, TailEntry
from accord.journal.tail import JournalTail
from accord.problems import Problem
from accord.telemetry import logs

BATCH = 100
"""Entries in one commit. After a failure as many go one by one, so that only those behind the failing one wait."""
BATCH_TIMEOUT = 30.0
"""Seconds that a batch may take: a backend that stands still costs its reader no more."""
POLL_INTERVAL = 1.0
"""Seconds between looks at a reader that is behind, though nothing has woken it."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
"""Seconds until a batch that failed is tried again: doubled at each failure, from the first pause to the longest."""


class AfterReaction(NamedTuple):
    """A flow `after_<table>_<kind>` of a domain."""

    domain: str
    name: str
    table: str
    kind: str
    flow: Callable[[Context, Entry], Awaitable[None]]

    @property
    def reader(self) -> str:
        """The name of its reader: two domains may react to the same entries."""
        return f"{self.domain}.{self.name}"


class Readers:
    """The readers of one process."""

    def __init__(self, resources: Resources, tail: JournalTail, reactions: Sequence[AfterReaction]) -> None:
        """Take the parts, the tail that wakes the readers, and the reactions."""
        self._readers = [_Reader(resources, tail, reaction) for reaction in reactions]
        self._tail = tail

    async def run(self) -> None:
        """Run all reactions until cancelled; a reaction that fails holds up itself alone."""
        for reader in self._readers:
            self._tail.listeners.append(reader.hear)
            self._tail.when_replaced.append(reader.wake)
        try:
            async with asyncio.TaskGroup() as group:
                for reader in self._readers:
                    group.create_task(reader.run())
        finally:
            for reader in self._readers:
                self._tail.listeners.remove(reader.hear)
                self._tail.when_replaced.remove(reader.wake)


class _Reader:
    """One reader: looks when an entry for it was sequenced, and moves past all others about once a second."""

    def __init__(self, resources: Resources, tail: JournalTail, reaction: AfterReaction) -> None:
        self._resources, self._tail, self._reaction = resources, tail, reaction
        self._database = resources.database.background
        self._name = reaction.reader
        self._woken = asyncio.Event()
        self._position = -1
        """The position that the reader is known to have, in whichever process it is; at least."""
        self._singles = 0
        """How many entries go one by one, after a failure."""
        self._failures = 0

    def hear(self, entries: list[TailEntry]) -> None:
        """Wake the reader when one of the entries is for it."""
        table, kind = self._reaction.table, self._reaction.kind
        if any(entry.record_table == table and entry.kind == kind for entry in entries):
            self._woken.set()

    def wake(self) -> None:
        """Look again, whatever was known of the reader: the journal was replaced."""
        self._position = -1
        self._woken.set()

    async def run(self) -> None:
        self._woken.set()  # Entries may wait since this process, or the last one, has stopped.
        while True:
            try:
                is_behind = await self._go_on()
            except Exception as error:  # noqa: BLE001 - the reader goes on, whatever the error
                await asyncio.sleep(self._noted_failure(error))
                self._woken.set()
            else:
                if not is_behind:
                    await self._wait()

    async def _wait(self) -> None:
        """Wait for an entry that matters; for any other at most so long that the position is not far behind."""
        while not self._woken.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_INTERVAL):
                    await self._woken.wait()
            if self._position < self._tail.position:
                return

    async def _go_on(self) -> bool:
        """Pass a batch of entries; return whether there may be more."""
        is_woken = self._woken.is_set()
        self._woken.clear()
        place = await readers.place_of(self._database, self._name)
        if place is None:
            if await readers.register(self._database, self._name):
                logs.info("A reader of the journal begins.", reader=self._name)
            return True
        self._position = place.position
        newest = self._tail.position
        if place.position >= newest or not (is_woken or place.is_rested):
            return False
        context = Context(self._resources, self._reaction.name, SYSTEM, RequestInfo(str(self._resources.new_id())))
        try:
            async with asyncio.timeout(BATCH_TIMEOUT):
                passed = await run_to_commit(context, self._pass(context, place.position, newest))
        except BaseException:
            with suppress(Problem):  # The server rolls back what was open on a connection that is gone.
                await context.rollback()
            raise
        if passed is None:
            return False
        self._failures, self._singles = 0, max(0, self._singles - 1)
        self._position = passed
        self._woken.set()
        return passed < newest

    async def _pass(self, context: Context, position: int, newest: int) -> int | None:
        """Run the reaction to the next entries; return the position that is passed with the commit."""
        digest = await readers.hold(context.tx, self._name, position)
        if digest is None:
            return None
        reaction = self._reaction
        try:
            batch = await readers.batch(
                context.tx,
                position,
                digest,
                newest,
                table=reaction.table,
                kind=reaction.kind,
                limit=1 if self._singles else BATCH,
            )
        except Replaced:
            await readers.restart(context.tx, self._name)
            logs.error("The journal is another one; the reader goes on from its end.", reader=self._name, at=position)
            return newest
        if batch.pruned is not None:
            logs.error("Entries were pruned before a reader passed them.", reader=self._name, until=batch.pruned)
        for entry in batch.entries:
            await _reacted(reaction, context, entry)
        readers.move(context.tx, self._name, position, batch.position)
        return batch.position

    def _noted_failure(self, error: Exception) -> float:
        """Note a failure; return the seconds until the next attempt."""
        pause = min(FIRST_PAUSE * 2 ** min(self._failures, 20), LONGEST_PAUSE)
        self._failures += 1
        self._singles = BATCH
        logs.exception(
            "A reaction after the commit failed; it is tried again.",
            error,
            reader=self._name,
            after_position=self._position,
            seconds=pause,
        )
        from accord.jobs.reader_metrics import failures  # noqa: PLC0415 - most workers are never asked for metrics

        failures.labels(self._name).inc()
        return pause


async def _reacted(reaction: AfterReaction, context: Context, entry: Entry) -> None:
    part = context.part(Context, reaction.name, SYSTEM, RequestInfo(entry.request_id))
    await cancelled_from_outside_alone(reaction.flow(part, entry), reaction.name)
