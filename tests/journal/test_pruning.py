"""J-5: old months go without holding writers up, also behind a reader that takes long."""

import asyncio
import time
from datetime import date

import psycopg
import pytest
from journal.test_verification import INSERT, INSERT_INTO_JANUARY, Book, book

from accord.cli.journal import drop_reader, prune_journal
from accord.database import locking
from accord.journal import partitions, pruning
from accord.journal.verification import Verdict
from accord.problems import CannotStart
from accord.settings import Settings

__all__ = ["book"]
JANUARY = partitions.Month(2025, 1)


@pytest.fixture
async def old(book: Book) -> Book:
    """A journal with three entries of a January long ago."""
    await book.tamper(*partitions.create(JANUARY))
    async with await psycopg.AsyncConnection.connect(book.url, autocommit=True) as connection:
        for number in range(3):
            await connection.execute(INSERT_INTO_JANUARY, [number + 1, "{}"])
    await book.write(2)
    return book


async def slowest_write(book: Book, until: asyncio.Task[object]) -> float:
    """Append until the task is done; return the seconds that the slowest took."""
    slowest = 0.0
    async with await psycopg.AsyncConnection.connect(book.url, autocommit=True) as connection:
        while not until.done():
            started = time.monotonic()
            await connection.execute(INSERT, [1, "{}"])
            slowest = max(slowest, time.monotonic() - started)
            await asyncio.sleep(0.02)
    return slowest


async def test_writers_go_on_while_a_long_reader_keeps_a_month_from_going(old, monkeypatch):
    monkeypatch.setattr(locking, "LOCK_TIMEOUT", 0.2)
    monkeypatch.setattr(locking, "PAUSE", 0.3)
    async with await psycopg.AsyncConnection.connect(old.url) as reader:
        await reader.execute("SELECT count(*) FROM accord.journal")
        task = asyncio.create_task(pruning.prune(old.database, old.data_dir, JANUARY.next.first, old.keys))
        writing = asyncio.create_task(slowest_write(old, task))
        await asyncio.sleep(1.2)
        assert not task.done()
        await reader.rollback()

    pruned = await task

    assert [(one.month, one.entries) for one in pruned] == [(JANUARY, 3)]
    assert await writing < 5  # LOCK_TIMEOUT, and what a busy machine adds; the reader took longer than that
    await old.write(0)
    assert (await old.verdict()).broken_at is None


async def test_pruning_gives_up_on_a_table_that_stays_locked_and_loses_nothing(old, monkeypatch):
    monkeypatch.setattr(locking, "LOCK_TIMEOUT", 0.1)
    monkeypatch.setattr(locking, "PAUSE", 0.1)
    monkeypatch.setattr(pruning, "ATTEMPTS", 2)
    async with await psycopg.AsyncConnection.connect(old.url) as reader:
        await reader.execute("SELECT count(*) FROM accord.journal")
        with pytest.raises(pruning.Held) as held:
            await pruning.prune(old.database, old.data_dir, JANUARY.next.first, old.keys)

    assert held.value.done == []
    # What was signed as pruned is not compared any more; it is still there.
    assert await old.verdict() == Verdict(2, 5)


async def test_a_partition_that_cannot_be_made_now_is_made_later(old, monkeypatch):
    monkeypatch.setattr(locking, "LOCK_TIMEOUT", 0.1)
    [this, following] = partitions.coming()
    await old.tamper(f"DROP TABLE {following.partition}")
    async with await psycopg.AsyncConnection.connect(old.url) as writer:
        await writer.execute(INSERT, [1, "{}"])
        held = await partitions.make_ahead(old.database)

    later = await partitions.make_ahead(old.database)

    assert (held, later) == (False, True)
    assert await partitions.existing(old.database) == [JANUARY, this, following]


async def test_a_day_after_today_is_refused_and_drops_nothing(old):
    months = await partitions.existing(old.database)

    with pytest.raises(CannotStart, match=r"Nothing was dropped: 9999-12-31 is after today"):
        await pruning.prune(old.database, old.data_dir, date(9999, 12, 31), old.keys)

    assert await partitions.existing(old.database) == months
    assert await old.verdict() == Verdict(5, 5)


async def test_the_command_refuses_a_day_after_today(given):
    done = await asyncio.to_thread(given.service.command, "journal", "prune", "--before", "9999-12-31")

    assert (done.returncode, done.stdout) == (1, "")
    assert "Nothing was dropped: 9999-12-31 is after today" in done.stderr


READER = (
    "INSERT INTO accord.journal_readers (name, position, hash)"
    " SELECT 'tests.after_things_updated', position, hash FROM accord.journal_positions WHERE position = 2"
)


async def test_entries_that_a_reader_has_not_passed_are_kept(old):
    await old.tamper(READER)

    with pytest.raises(pruning.HeldByReader) as held:
        await pruning.prune(old.database, old.data_dir, JANUARY.next.first, old.keys)

    assert (held.value.done, held.value.reader.name) == ([], "tests.after_things_updated")
    assert JANUARY in await partitions.existing(old.database)
    await old.tamper("UPDATE accord.journal_readers SET position = 3")
    pruned = await pruning.prune(old.database, old.data_dir, JANUARY.next.first, old.keys)
    assert [one.month for one in pruned] == [JANUARY]


async def test_the_command_names_the_reader_and_what_drops_it(old, capsys):
    await old.tamper(READER)
    settings = Settings(data_dir=old.data_dir)

    status = await prune_journal(settings, old.url, JANUARY.next.first)

    said = capsys.readouterr().out
    assert status == 1
    assert "has entries that tests.after_things_updated has not passed: its reader is at position 2." in said
    assert "`accord journal drop-reader tests.after_things_updated`" in said
    assert await drop_reader(old.url, "tests.after_things_updated") == 0
    assert await drop_reader(old.url, "tests.after_things_updated") == 1
    assert "No reader is named tests.after_things_updated. The readers: none." in capsys.readouterr().out
    assert await prune_journal(settings, old.url, JANUARY.next.first) == 0
