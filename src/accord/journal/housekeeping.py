"""The leading process also signs checkpoints, and creates partitions ahead of time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from accord.database.autocommit import Bounded
from accord.journal import partitions
from accord.journal.checkpoints import load_checkpoints, save_checkpoint, sign
from accord.journal.keys import JournalKeys, endorse_predecessors
from accord.journal.reading import sequencer_state
from accord.journal.sequencer import Sequencer
from accord.telemetry import logs

INTERVAL = 1.0
"""Seconds between looks."""
STATEMENT_TIMEOUT = 60.0
"""Seconds until a backend counts as frozen: a new partition may have to be read from a slow disk.

PostgreSQL itself ends a slow statement after REQUEST_TIMEOUT and 5 s, which is sooner by default.
"""
CHECKPOINT_ENTRIES = 1000
CHECKPOINT_SECONDS = 60.0
"""A checkpoint is signed after so many entries, or after so many seconds with at least one entry."""
PARTITION_SECONDS = 3600.0
PARTITION_RETRY_SECONDS = 60.0
"""Seconds between looks for months that need a partition, and after one that could not be made for its lock."""


class Housekeeping:
    """Runs beside a sequencer, and works only while the sequencer leads."""

    def __init__(
        self,
        sequencer: Sequencer,
        database: Bounded,
        data_dir: Path | None,
        keys: JournalKeys,
        *,
        interval: float = INTERVAL,
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
    ) -> None:
        """Take the folder of the checkpoints, and the keys that sign them."""
        self._sequencer = sequencer
        self._database = database
        self._data_dir = data_dir
        self._keys = keys
        self._interval = interval
        self._checkpoint_seconds = checkpoint_seconds
        self._has_endorsed = False
        self._signed_position = 0
        self._signed_at = time.monotonic()
        self._partitions_at = float("-inf")

    async def run(self) -> None:
        """Run all tasks until cancelled, through failures of the database."""
        while True:
            await asyncio.sleep(self._interval)
            if not self._sequencer.leads:
                continue
            await self._try(self._make_partitions)
            await self._try(self._sign_checkpoint)

    async def prepare(self) -> None:
        """Create the partition of this month before the first write: the service may have been off for months."""
        await self._try(self._make_partitions)

    async def _try(self, task: Callable[[], Awaitable[None]]) -> None:
        try:
            await task()
        except Exception as error:  # noqa: BLE001 - after any failure the other tasks go on
            logs.warning("A task of housekeeping failed; the next look tries again.", reason=type(error).__name__)

    async def _make_partitions(self) -> None:
        if time.monotonic() - self._partitions_at < PARTITION_SECONDS:
            return
        # Noted first: a month whose entries are in another partition cannot be made, and must not be tried each second.
        self._partitions_at = time.monotonic()
        if not await partitions.make_ahead(self._database):
            self._partitions_at += PARTITION_RETRY_SECONDS - PARTITION_SECONDS

    async def _sign_checkpoint(self) -> None:
        now = time.monotonic()
        state = await sequencer_state(self._database)
        new = state.position - self._signed_position
        if new == 0 or (new < CHECKPOINT_ENTRIES and now - self._signed_at < self._checkpoint_seconds):
            return
        if not self._has_endorsed:
            known = await load_checkpoints(self._database, self._data_dir)
            await endorse_predecessors(self._database, self._data_dir, self._keys, known, state.position)
            self._has_endorsed = True
        await save_checkpoint(self._database, self._data_dir, sign(self._keys, state.position, state.hash))
        self._signed_position, self._signed_at = state.position, now
