"""Readers follow by position: wake-ups make it quick, and losing every one of them loses nothing."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from ledger import Ledger, sequencing, until

from accord.database.database import Database
from accord.journal.reading import BATCH
from accord.journal.tail import JournalTail

OF_THE_TAIL = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'accord'"
Following = Callable[..., Any]


@pytest.fixture
def following(ledger: Ledger) -> Following:
    @asynccontextmanager
    async def follow(
        *, is_woken: bool = False, database: Database | None = None, **intervals: float
    ) -> AsyncIterator[tuple[JournalTail, list[int]]]:
        """A tail that runs until the block ends, and the positions that its listener was told."""
        database, told = database or Database(ledger.url, 2), []
        await database.open()
        tail = JournalTail(database.background, lambda: is_woken, **intervals)
        tail.listeners.append(lambda entries: told.extend(entry.position for entry in entries))
        await tail.start()
        task = asyncio.create_task(tail.run())
        try:
            yield tail, told
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await database.close()

    return follow


async def test_listeners_get_every_entry_in_order_and_once_without_any_wake_up(ledger, following):
    async with following() as (_, told), sequencing(ledger):
        await asyncio.gather(*(ledger.write(*(f"{writer}-{n}" for n in range(40))) for writer in range(3)))

        await until(lambda: len(told) == 120)

    assert told == list(range(1, 121))


async def test_begins_at_the_newest_position(ledger, following):
    await ledger.write("before")
    await ledger.assign_positions()

    async with following() as (tail, told):
        assert tail.position == 1
        await ledger.write("after")
        await ledger.assign_positions()
        await until(lambda: told)

    assert told == [2]


async def test_a_notification_is_followed_by_a_read_at_once(ledger, following):
    async with following(is_woken=True, poll_interval=600.0) as (tail, told):
        await asyncio.sleep(0.05)
        await ledger.write("one")
        await ledger.assign_positions()

        tail.wake()
        await until(lambda: told)

    assert told == [1]


async def test_a_long_absence_is_made_good_in_batches(ledger, following):
    async with following() as (tail, told):
        writer = await ledger.writer()
        for number in range(2 * BATCH + 1):
            await writer.write(str(number))
        await writer.commit()
        await ledger.assign_positions()
        tail.wake()

        await until(lambda: len(told) > 2 * BATCH)

    assert told == list(range(1, 2 * BATCH + 2))


async def test_a_failing_listener_does_not_keep_others_from_later_entries(ledger, following):
    async with following() as (tail, told):
        tail.listeners.insert(0, lambda _: 1 / 0)
        for mark in ("one", "two"):
            await ledger.write(mark)
            await ledger.assign_positions()
            await until(lambda mark=mark: len(told) == (1 if mark == "one" else 2))

    assert told == [1, 2]


async def test_the_tailer_goes_on_from_its_position_when_connections_break(ledger, following):
    async with following() as (_, told):
        for number in range(1, 4):
            await ledger.write(str(number))
            await ledger.assign_positions()
            await until(lambda number=number: len(told) == number)
            connection = await ledger.connect()
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'accord'"
            )

    assert told == [1, 2, 3]


REPLACE = """
SET session_replication_role = replica;
DELETE FROM accord.journal_positions WHERE position > 1;
DELETE FROM accord.journal WHERE id > (SELECT entry_id FROM accord.journal_positions);
UPDATE accord.journal_sequencer SET position = 1, hash = (SELECT hash FROM accord.journal_positions);
INSERT INTO accord.journal_positions (position, entry_id, entry_at, hash)
    SELECT 1 + n, -n, now(), sha256(n::text::bytea) FROM generate_series(1, {entries}) AS n;
UPDATE accord.journal_sequencer SET position = 1 + {entries}, hash = COALESCE(
    (SELECT hash FROM accord.journal_positions WHERE position = 1 + {entries}), hash)
"""
"""Puts another journal in the place of this one, as a restored backup does; it has grown again already."""


@pytest.mark.parametrize("entries", [0, 2, 7], ids=["shorter", "as long", "longer"])
async def test_a_journal_that_was_replaced_is_noticed_and_followed_from_its_end(ledger, following, entries):
    async with following() as (tail, told):
        replaced = []
        tail.when_replaced.append(lambda: replaced.append(tail.position))
        await ledger.write("one", "two", "three")
        await ledger.assign_positions()
        await until(lambda: len(told) == 3)

        await (await ledger.connect()).execute(REPLACE.format(entries=entries).encode())
        await until(lambda: replaced)
        await ledger.write("new")
        await ledger.assign_positions()
        await until(lambda: len(told) > 3)

    assert replaced == [1 + entries]
    assert told == [1, 2, 3, 2 + entries]


async def test_entries_pruned_before_they_were_read_are_skipped_and_reported(ledger):
    database, passed, told = Database(ledger.url, 1), [], []
    await database.open()
    tail = JournalTail(database.background, lambda: False)
    tail.when_replaced.append(lambda: passed.append(tail.position))
    tail.listeners.append(lambda entries: told.extend(entry.position for entry in entries))
    await tail.start()
    await ledger.write("pruned", "too")
    await ledger.assign_positions()
    await (await ledger.connect()).execute(b"SET session_replication_role = replica; DELETE FROM accord.journal")

    following = asyncio.create_task(tail.run())
    await until(lambda: passed)
    await ledger.write("new")
    await ledger.assign_positions()
    await until(lambda: told)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await database.close()

    assert (passed, told) == ([2], [3])


async def test_frozen_backends_cost_their_connections_and_not_the_followers(ledger, following):
    database = Database(ledger.url, 2, background_timeout=0.5)
    async with following(database=database) as (_, told), sequencing(ledger):
        await ledger.write("before")
        await until(lambda: told == [1])
        frozen = [pid for (pid,) in await (await (await ledger.connect()).execute(OF_THE_TAIL)).fetchall()]
        assert frozen
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            await ledger.write("after")
            await until(lambda: told == [1, 2])
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
