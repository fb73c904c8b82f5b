"""J-2 by chance: whatever interleaves, positions are dense, complete, and in an order that explains every record."""

import asyncio
import os
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger import Entry, Ledger, Writer, sequencing, until

from accord.database.database import Database
from accord.journal import reading

WRITERS = 8
READERS = 3
SECONDS = 1.2
ENOUGH = 20
# All processes of one run draw the same.
SEED = os.environ.get("SEED") or os.environ.get("PYTEST_XDIST_TESTRUNUID")
LONG = [pytest.param(seed, marks=pytest.mark.faults) for seed in range(1000, 1040)]


@dataclass
class Run:
    """What writers did and what readers saw."""

    chance: random.Random
    ledger: Ledger
    records: list[UUID] = field(default_factory=lambda: [uuid4() for _ in range(3)])
    began: dict[str, float] = field(default_factory=dict)
    acknowledged: dict[str, float] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    is_over: bool = False
    is_written: bool = False

    async def write(self, name: str) -> None:
        writer, number = await self.ledger.writer(), 0
        while not self.is_over:
            number += 1
            await self._transaction(writer, f"{name}-{number}")

    async def _transaction(self, writer: Writer, name: str) -> None:
        chance, began, marks = self.chance, time.monotonic(), []
        if chance.random() < 0.5:
            await writer.touch()
            await self._pause()
        # In one order, as two that wait for one another would be a deadlock.
        for record in sorted(chance.sample(self.records, chance.choice([0, 1, 1, 2]))) or [None]:
            marks.append(f"{name}-{len(marks)}")
            await writer.write(marks[-1], record)
            await self._pause()
        if chance.random() < 0.2:
            await writer.rollback()
            self.refused.update(marks)
        else:
            await writer.commit()
            self.acknowledged |= dict.fromkeys(marks, time.monotonic())
        self.began |= dict.fromkeys(marks, began)

    async def _pause(self) -> None:
        await asyncio.sleep(self.chance.choice([0, 0, 0.001, 0.003, 0.03]))

    async def follow(self, seen: list[str], database: Database) -> None:
        """Read by position, as every reader does; now and then forget the last response and ask for it again."""
        after = 0
        while not (self.is_written and len(seen) >= len(self.acknowledged)):
            entries = await reading.read(database, after, self.chance.choice([1, 7, 500]))
            if entries and self.chance.random() < 0.9:
                assert [entry.position for entry in entries] == list(range(after + 1, after + 1 + len(entries)))
                seen += [str(entry.record_id) + str(entry.position) for entry in entries]
                after = entries[-1].position
            await self._pause()

    def judge(self, entries: list[Entry]) -> None:
        assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
        marks = [entry.mark for entry in entries]
        assert len(set(marks)) == len(marks)
        assert set(marks) == self.acknowledged.keys()
        assert not self.refused & set(marks)
        for record in self.records:
            versions = [entry.version for entry in entries if entry.record == record]
            assert versions == list(range(1, len(versions) + 1))
        # What was acknowledged before something else began stands before it.
        soonest = float("inf")
        for mark in reversed(marks):
            assert self.began[mark] <= soonest, f"{mark} stands before what had been acknowledged when it began"
            soonest = min(soonest, self.acknowledged[mark])


@pytest.mark.parametrize("seed", [*random.Random(SEED).sample(range(1000), 3), *LONG])
async def test_random_interleavings_come_out_dense_complete_and_in_order(ledger, seed):
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    run = Run(random.Random(seed), ledger)
    async with AsyncExitStack() as stack:
        database = Database(ledger.url, READERS)
        await database.open()
        stack.push_async_callback(database.close)
        for _ in range(2):
            await stack.enter_async_context(sequencing(ledger))
        seen: list[list[str]] = [[] for _ in range(READERS)]
        readers = [asyncio.create_task(run.follow(one, database)) for one in seen]
        writers = [asyncio.create_task(run.write(f"w{number}")) for number in range(WRITERS)]

        await asyncio.sleep(SECONDS)
        await until(lambda: len(run.acknowledged) > ENOUGH)
        run.is_over = True
        await asyncio.gather(*writers)
        run.is_written = True
        async with asyncio.timeout(60):
            await asyncio.gather(*readers)

    entries = await ledger.read()
    run.judge(entries)
    assert seen == [[str(entry.record) + str(entry.position) for entry in entries]] * READERS


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["touch", "write", "commit", "rollback"]), st.integers(0, 3)),
        st.tuples(st.just("sequence"), st.integers(1, 3)),
    ),
    max_size=24,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS)
async def test_no_interleaving_of_four_transactions_makes_a_reader_miss_an_entry(ledger, steps):
    """Each example goes on where the last one ended, with the same connections."""
    writers = await ledger.four_writers()
    passed = (await ledger.read() or [Entry(0, 0, "", uuid4(), 0)])[-1].position
    seen: list[Entry] = []
    for step, number in [*steps, *(("commit", n) for n in range(4)), ("sequence", 100)]:
        if step == "sequence":
            await ledger.assign_positions(limit=number)
            seen += await ledger.read(after=seen[-1].position if seen else passed)
        elif step == "write":
            await writers[number].write(str(uuid4()))
        else:
            await getattr(writers[number], step)()

    assert [entry.position for entry in seen] == list(range(passed + 1, passed + 1 + len(seen)))
    assert {entry.mark for entry in await ledger.read()} == await ledger.committed()
