"""J-2: positions are commit order, however long and short transactions interleave."""

import asyncio
import re
from uuid import uuid4

from ledger import Entry, sequencing, until
from psycopg import AsyncConnection

from accord.journal.sequencing import _ENTRIES, PLANS


def marks(entries: list[Entry]) -> list[str]:
    return [entry.mark for entry in entries]


async def test_a_late_commit_with_a_lower_id_is_read_by_every_reader(ledger):
    early, late = await ledger.writer(), await ledger.writer()
    await late.touch()
    lower = await early.write("early")
    higher = await late.write("late")
    await late.commit()

    await ledger.assign_positions()
    first = await ledger.read()
    await early.commit()
    await ledger.assign_positions()
    second = await ledger.read(after=first[-1].position)

    assert lower < higher
    assert (marks(first), marks(second)) == (["late"], ["early"])
    assert [entry.position for entry in first + second] == [1, 2]


async def test_entries_that_an_open_transaction_could_precede_get_no_position(ledger):
    early, late = await ledger.writer(), await ledger.writer()
    await early.write("early")
    await late.write("late")
    await late.commit()

    held = await ledger.assign_positions()
    await early.commit()
    await ledger.assign_positions()

    assert held is None
    assert marks(await ledger.read()) == ["early", "late"]


async def test_an_entry_below_the_horizon_waits_for_the_entry_it_builds_on(ledger):
    """`b` has the lowest transaction id, and changes the record after `a`, which the horizon holds back."""
    record = uuid4()
    b, holder, a = await ledger.writer(), await ledger.writer(), await ledger.writer()
    await b.touch()
    await holder.touch()
    await a.write("a", record)
    waiting = asyncio.create_task(b.write("b", record))
    await ledger.until_waiting(b.connection)
    await a.commit()
    await waiting
    await b.commit()

    held = await ledger.assign_positions()
    await holder.rollback()
    await ledger.assign_positions()

    assert held is None
    assert [(entry.mark, entry.version) for entry in await ledger.read()] == [("a", 1), ("b", 2)]


async def test_a_rollback_leaves_no_gap(ledger):
    for number in range(6):
        writer = await ledger.writer()
        await writer.write(str(number))
        await (writer.rollback() if number % 2 else writer.commit())

    await ledger.assign_positions()

    entries = await ledger.read()
    assert [(entry.position, entry.mark) for entry in entries] == [(1, "0"), (2, "2"), (3, "4")]
    assert [entry.id for entry in entries] == [1, 3, 5]


async def test_a_batch_is_as_large_as_it_may_be_and_the_next_goes_on(ledger):
    await ledger.write(*(str(number) for number in range(10)))

    batches = []
    while batch := await ledger.assign_positions(limit=4):
        batches.append((batch.entries, batch.position))

    assert batches == [(4, 4), (4, 8), (2, 10)]
    assert marks(await ledger.read()) == [str(number) for number in range(10)]


async def test_the_sequencer_waits_for_an_old_transaction_and_then_catches_up(ledger):
    old = await ledger.writer()
    await old.touch()
    async with sequencing(ledger) as sequencer:
        await until(lambda: sequencer.leads)
        await ledger.write(*(str(number) for number in range(300)))
        sequencer.wake()
        await asyncio.sleep(0.3)
        held = await ledger.read()
        await old.rollback()

        entries = await ledger.until_sequenced()

    assert held == []
    assert [(entry.position, entry.mark) for entry in entries] == [(n + 1, str(n)) for n in range(300)]


async def test_a_look_reads_what_is_new_and_not_the_whole_journal(ledger):
    writer = await ledger.writer()
    for number in range(3000):
        await writer.write(str(number))
    await writer.commit()
    while await ledger.assign_positions():
        pass
    async with await AsyncConnection.connect(ledger.url, autocommit=True, options=PLANS) as connection:
        await connection.execute("ANALYZE")

        rows = await (await connection.execute(f"EXPLAIN {_ENTRIES}", {"limit": 2000})).fetchall()

    plan = "\n".join(row[0] for row in rows)
    assert "Anti Join" in plan
    assert not re.search(r"Hash|Merge|Gather|Seq Scan on journal_p", plan), plan
