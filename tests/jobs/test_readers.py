"""RX-2: what happens after a commit happens once for each entry, in order, whatever fails in between."""

import asyncio
from contextlib import AsyncExitStack

import psycopg
import pytest
from jobs.reading import Reading, after, running, write_effect
from ledger import Ledger, sequencing

from accord.context import Context
from accord.database.database import Database
from accord.database.transaction import Transaction
from accord.jobs import readers as running_readers
from accord.journal import readers
from accord.journal.readers import Entry
from accord.problems import Problem, ServiceUnavailable

OTHER = after("after_others_updated", table="others")


@pytest.fixture
async def reading(ledger: Ledger) -> Reading:
    found = Reading(ledger)
    await found.begin()
    return found


async def test_each_entry_has_its_effect_once_and_in_order(ledger, reading, tmp_path, until):
    await reading.begin(after())

    async with running(ledger.url, tmp_path, after()), sequencing(ledger):
        await asyncio.gather(*(ledger.write(*(f"{writer}-{n}" for n in range(90))) for writer in range(3)))
        await until(reading.effects, lambda effects: len(effects) >= 270)

    assert await reading.effects() == list(range(1, 271))
    assert await reading.position() == 270


async def test_a_new_reader_begins_at_the_newest_position(ledger, reading, tmp_path, until):
    await ledger.write("before")
    await ledger.assign_positions()

    async with running(ledger.url, tmp_path, after()), sequencing(ledger):
        await until(reading.position, lambda position: position == 1)
        await ledger.write("after")
        await until(reading.effects, bool)

    assert await reading.effects() == [2]


async def test_a_reader_goes_on_where_the_last_process_stopped(ledger, reading, tmp_path, until):
    await reading.begin(after())
    async with running(ledger.url, tmp_path, after()):
        await ledger.write("one")
        await ledger.assign_positions()
        await until(reading.effects, bool)
    await ledger.write("two", "three")
    await ledger.assign_positions()

    async with running(ledger.url, tmp_path, after()):
        await until(reading.effects, lambda effects: len(effects) == 3)

    assert await reading.effects() == [1, 2, 3]


async def test_the_reaction_gets_the_entry_and_acts_as_the_system_under_its_request_id(
    ledger, reading, tmp_path, until
):
    got: list[tuple[Entry, str, str]] = []

    async def flow(context: Context, entry: Entry) -> None:
        got.append((entry, context.request.id, context.operation))
        context.journal.event("others", entry.record_id, {"event": "noticed"})

    await reading.begin(after())
    async with running(ledger.url, tmp_path, after(flow=flow)), sequencing(ledger):
        await ledger.write("the request")
        await until(lambda: reading.rows("SELECT 1 FROM accord.journal WHERE kind = 'event'"), bool)

    [(entry, request_id, operation)] = got
    assert (entry.position, entry.record_table, entry.kind, entry.operation) == (1, "things", "updated", "test")
    assert (entry.actor_kind, entry.request_id, request_id) == ("system", "the request", "the request")
    assert operation == "after_things_updated"
    written = await reading.rows(
        "SELECT request_id, operation, actor_kind, record_id FROM accord.journal WHERE kind = 'event'"
    )
    assert written == [("the request", "after_things_updated", "system", entry.record_id)]


@pytest.mark.parametrize("failure", [ZeroDivisionError, asyncio.CancelledError])
async def test_a_failing_reaction_writes_nothing_is_tried_again_and_holds_up_itself_alone(
    ledger, reading, tmp_path, until, monkeypatch, failure
):
    monkeypatch.setattr(running_readers, "FIRST_PAUSE", 0.05)
    attempts: list[int] = []

    async def fails_at_3(context: Context, entry: Entry) -> None:
        await write_effect(context, entry)
        if entry.position == 3:
            attempts.append(entry.position)
            if len(attempts) < 4:
                raise failure

    failing, well = after("after_failing", fails_at_3), after("after_well")
    await reading.begin(failing, well)
    await ledger.write("one", "two", "three", "four")
    await ledger.assign_positions()

    async with running(ledger.url, tmp_path, failing, well):
        assert await until(lambda: reading.effects("after_well"), lambda effects: len(effects) == 4) == [1, 2, 3, 4]
        await until(lambda: reading.effects("after_failing"), lambda effects: len(effects) == 4)

    assert await reading.effects("after_failing") == [1, 2, 3, 4]
    assert len(attempts) == 4


async def test_entries_before_the_failing_one_are_passed_and_those_behind_wait(
    ledger, reading, tmp_path, until, monkeypatch
):
    monkeypatch.setattr(running_readers, "FIRST_PAUSE", 0.05)

    async def never_3(context: Context, entry: Entry) -> None:
        if entry.position == 3:
            raise Problem
        await write_effect(context, entry)

    await reading.begin(after())
    await ledger.write("one", "two", "three", "four")
    await ledger.assign_positions()

    async with running(ledger.url, tmp_path, after(flow=never_3)):
        await until(reading.position, lambda position: position == 2)

    assert await reading.effects() == [1, 2]


async def test_a_reaction_that_waits_in_the_transaction_fails(ledger, reading, tmp_path, until, monkeypatch):
    """What is outside of the database happens in a job: a transaction that is rolled back undoes none of it."""
    monkeypatch.setattr(running_readers, "FIRST_PAUSE", 0.05)
    errors: list[str] = []

    async def waits(context: Context, entry: Entry) -> None:
        await write_effect(context, entry)
        try:
            await asyncio.sleep(0)
        except RuntimeError as error:
            errors.append(type(error).__name__)
            raise

    await reading.begin(after())
    async with running(ledger.url, tmp_path, after(flow=waits)), sequencing(ledger):
        await ledger.write("one")
        await until(_seen(errors), bool)

    assert errors[0] == "HeldTransaction"
    assert await reading.effects() == []


def _seen(what: list[str]):
    async def look() -> list[str]:
        return what

    return look


async def test_two_processes_share_a_reader_and_each_entry_has_its_effect_once(ledger, reading, tmp_path, until):
    await reading.begin(after())

    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(running(ledger.url, tmp_path, after()))
        await stack.enter_async_context(sequencing(ledger))
        for number in range(60):
            await ledger.write(str(number))
        await until(reading.effects, lambda effects: len(effects) >= 60)

    assert await reading.effects() == list(range(1, 61))


async def test_entries_of_others_move_the_position_now_and_then_and_an_idle_reader_writes_nothing(
    ledger, reading, tmp_path, until
):
    moved_at = "SELECT moved_at, xmin::text FROM accord.journal_readers"
    await reading.begin(OTHER)
    started = asyncio.get_running_loop().time()
    async with running(ledger.url, tmp_path, OTHER), sequencing(ledger):
        seen: set[tuple[object, ...]] = set()
        for number in range(150):
            await ledger.write(str(number))
            seen.update(await reading.rows(moved_at))
        seconds = asyncio.get_running_loop().time() - started
        await until(lambda: reading.position(OTHER.reader), lambda position: position == 150)
        rested = await reading.rows(moved_at)
        await asyncio.sleep(1.5)
        assert await reading.rows(moved_at) == rested

    assert len(seen) <= seconds + 2
    assert await reading.effects("after_others_updated") == []


async def test_the_position_moves_only_from_where_the_batch_was_read(ledger, reading):
    await reading.begin(after())
    await ledger.write("one", "two")
    await ledger.assign_positions()
    database = Database(ledger.url, 1)
    await database.open()
    tx = Transaction(database)
    try:
        readers.move(tx, after().reader, 1, 2)
        with pytest.raises(psycopg.errors.NotNullViolation):
            await tx.commit()
    finally:
        await database.close()

    assert await reading.position() == 0


async def test_a_reader_of_another_journal_goes_on_from_its_end(ledger, reading, tmp_path, until):
    await reading.begin(after())
    await ledger.write("one", "two")
    await ledger.assign_positions()
    await reading.rows("UPDATE accord.journal_readers SET position = 1, hash = sha256('another')")

    async with running(ledger.url, tmp_path, after()), sequencing(ledger):
        await until(reading.position, lambda position: position == 2)
        await ledger.write("three")
        await until(reading.effects, bool)

    assert await reading.effects() == [3]


async def test_a_reader_that_was_dropped_begins_again_at_the_newest_position(ledger, reading, tmp_path, until):
    await reading.begin(after())
    async with running(ledger.url, tmp_path, after()), sequencing(ledger):
        await ledger.write("one")
        await until(reading.effects, bool)
        await reading.rows("DELETE FROM accord.journal_readers")
        await ledger.write("two")
        await until(reading.position, lambda position: position == 2)
        await ledger.write("three")
        await until(reading.effects, lambda effects: 3 in effects)

    assert set(await reading.effects()) >= {1, 3}


async def test_entries_pruned_by_force_are_skipped(ledger, reading, tmp_path, until):
    await reading.begin(after())
    await ledger.write("gone", "stays")
    await ledger.assign_positions()
    await reading.rows("SET session_replication_role = replica; DELETE FROM accord.journal WHERE request_id = 'gone'")

    async with running(ledger.url, tmp_path, after()):
        await until(reading.effects, bool)

    assert await reading.effects() == [2]


async def test_a_reader_that_stands_still_before_an_entry_is_overdue(ledger, reading):
    database = Database(ledger.url, 1)
    await database.open()
    try:
        await reading.begin(after(), OTHER)
        await ledger.write("one")
        await ledger.assign_positions()
        await readers.refuse_overdue(database, [after().reader])
        past = "clock_timestamp() - interval '31 s'"
        await reading.rows(f"UPDATE accord.journal_readers SET moved_at = {past}")  # noqa: S608 - the text above
        await readers.refuse_overdue(database, [after().reader])
        await reading.rows(
            f"SET session_replication_role = replica; UPDATE accord.journal_positions SET sequenced_at = {past}"  # noqa: S608
        )
        await readers.refuse_overdue(database, ["tests.another"])
        with pytest.raises(ServiceUnavailable):
            await readers.refuse_overdue(database, [after().reader])
        await reading.rows("UPDATE accord.journal_readers SET position = 1")
        await readers.refuse_overdue(database, [after().reader])
    finally:
        await database.close()
