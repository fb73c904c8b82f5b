"""J-2: one sequencer leads, another takes over, and nothing is sequenced twice or skipped whoever believes to lead."""

import asyncio
import os
import secrets
import signal
import time

import psycopg
import pytest
from ledger import sequencing, until
from psycopg import conninfo
from running import Program

from accord.journal.sequencer import LEASE, STANDBY_INTERVAL, Sequencer
from accord.journal.sequencing import Superseded, assign_positions

LOST = "The sequencer lost its lease"
LEADS = "This process sequences the journal"


def leader(programs: list[Program]) -> Program | None:
    leading = [program for program in programs if program.process.poll() is None and LEADS in program.output()]
    assert len(leading) <= 1
    return leading[0] if leading else None


async def test_another_process_leads_soon_after_kill_9(ledger, workers):
    programs = [workers.run(f"worker-{number}", "worker") for number in (1, 2)]
    for program in programs:
        await asyncio.to_thread(program.wait_for, "(worker is ready)")
    await until(lambda: leader(programs) is not None)
    first = leader(programs)
    await ledger.write(*(f"before-{number}" for number in range(20)))
    await ledger.until_sequenced()

    first.stop(signal.SIGKILL)
    killed = time.monotonic()
    await ledger.write(*(f"after-{number}" for number in range(20)))
    entries = await ledger.until_sequenced()
    took = time.monotonic() - killed

    # Without delay a standby asks once in STANDBY_INTERVAL; a machine that is busy may add to that.
    assert LEASE + STANDBY_INTERVAL < 2
    assert took < 15
    await until(lambda: leader(programs) is not None)
    assert [entry.position for entry in entries] == list(range(1, 41))
    assert [entry.mark for entry in entries] == [f"{when}-{n}" for when in ("before", "after") for n in range(20)]


async def test_only_one_of_several_leads(ledger):
    async with sequencing(ledger) as one, sequencing(ledger) as two, sequencing(ledger) as three:
        sequencers = [one, two, three]
        await until(lambda: any(sequencer.leads for sequencer in sequencers))
        for _ in range(12):
            await asyncio.sleep(0.05)
            assert sum(sequencer.leads for sequencer in sequencers) <= 1

        # A machine that stands still may end the lease, and then one of them takes it again.
        await until(lambda: sum(sequencer.leads for sequencer in sequencers) == 1)


async def test_a_sequencer_that_lost_its_connection_stands_by_and_leads_again(ledger):
    async with sequencing(ledger) as sequencer:
        await until(lambda: sequencer.leads)
        connection = await ledger.connect()
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'accord-sequencer' AND datname = current_database()"
        )
        await ledger.write("while nobody led")

        entries = await ledger.until_sequenced()

        assert [entry.mark for entry in entries] == ["while nobody led"]
        await until(lambda: sequencer.leads)


class Usurper(Sequencer):
    """A sequencer that does not ask for the lease, as if the lease had been lost without its notice."""

    async def _has_lease(self, _connection: object) -> bool:
        return True


async def test_two_sequencers_that_both_believe_to_lead_give_each_entry_one_position(ledger):
    async def announce(_position: int) -> None:
        return

    one, other = (Usurper(ledger.url, announce, standby_interval=0.01) for _ in range(2))
    async with sequencing(ledger, one), sequencing(ledger, other):
        names = [[f"w{writer}-{number}" for number in range(60)] for writer in range(4)]
        await asyncio.gather(*(ledger.write(*marks) for marks in names))
        entries = await ledger.until_sequenced()

    assert [entry.position for entry in entries] == list(range(1, 241))
    assert sorted(entry.mark for entry in entries) == sorted(mark for marks in names for mark in marks)


async def test_a_sequencer_with_an_old_position_writes_nothing(ledger):
    await ledger.write("a", "b")
    slow, quick = await ledger.connect(autocommit=False), await ledger.connect()
    await slow.execute("SELECT 1 FROM accord.journal_sequencer FOR UPDATE")
    overtaken = asyncio.create_task(assign_positions(quick))
    await ledger.until_waiting(quick)

    done = await assign_positions(slow)
    await slow.commit()

    assert done.position == 2
    with pytest.raises((Superseded, psycopg.errors.UniqueViolation)):
        await overtaken
    assert [(entry.position, entry.mark) for entry in await ledger.read()] == [(1, "a"), (2, "b")]


async def test_another_process_leads_within_3_seconds_of_a_frozen_one(ledger, workers):
    programs = [workers.run(f"worker-{number}", "worker") for number in (1, 2)]
    for program in programs:
        await asyncio.to_thread(program.wait_for, "(worker is ready)")
    await until(lambda: leader(programs) is not None)
    first = leader(programs)
    [second] = [program for program in programs if program is not first]
    await ledger.write(*(f"before-{number}" for number in range(20)))
    await ledger.until_sequenced()

    first.process.send_signal(signal.SIGSTOP)
    try:
        frozen = time.monotonic()
        await ledger.write(*(f"after-{number}" for number in range(20)))
        await ledger.until_sequenced()
        took = time.monotonic() - frozen
    finally:
        first.process.send_signal(signal.SIGCONT)
    await until(lambda: LOST in first.output())
    await ledger.write(*(f"thawed-{number}" for number in range(20)))
    entries = await ledger.until_sequenced()

    assert took < 10  # LEASE and STANDBY_INTERVAL allow for 2, see above; a machine that is busy may add to that
    assert LEADS in second.output()
    assert [entry.position for entry in entries] == list(range(1, 61))
    names = ("before", "after", "thawed")
    assert [entry.mark for entry in entries] == [f"{name}-{n}" for name in names for n in range(20)]


async def test_a_sequencer_that_is_frozen_for_longer_than_its_lease_stops_leading(ledger):
    async with sequencing(ledger) as sequencer:
        await until(lambda: sequencer.leads)
        time.sleep(LEASE)  # noqa: ASYNC251 - as SIGSTOP would, for this process

        assert not sequencer.leads
        await until(lambda: sequencer.leads)


async def test_an_owner_without_other_rights_leads_and_takes_over(ledger):
    owner = f"owner_{secrets.token_hex(4)}"
    connection = await ledger.connect()
    await connection.execute(f"CREATE ROLE {owner} LOGIN")
    try:
        await connection.execute(f"GRANT USAGE ON SCHEMA accord TO {owner}")
        await connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA accord TO {owner}")
        await connection.execute(
            "UPDATE accord.journal_sequencer SET leader = 'frozen', leads_until = clock_timestamp()"
        )
        url = conninfo.make_conninfo(ledger.url, user=owner)
        async with sequencing(ledger, Sequencer(url, announce_nothing)) as sequencer:
            await until(lambda: sequencer.leads)
            await ledger.write("by the owner")

            entries = await ledger.until_sequenced()
    finally:
        await connection.execute(f"DROP OWNED BY {owner}")
        await connection.execute(f"DROP ROLE {owner}")

    assert [entry.mark for entry in entries] == ["by the owner"]


@pytest.mark.parametrize("ends", ["'infinity'", "clock_timestamp() + interval '1 day'"])
async def test_a_lease_by_another_clock_delays_no_process(ledger, ends):
    connection = await ledger.connect()
    await connection.execute("UPDATE accord.journal_sequencer SET leader = 'somebody', leads_until = " + ends)  # noqa: S608 - see above

    async with sequencing(ledger) as sequencer:
        await until(lambda: sequencer.leads)


async def announce_nothing(_position: int) -> None:
    return


async def test_a_frozen_backend_costs_the_connection_and_not_the_sequencing(ledger):
    # The product's limit for a batch is as long as the patience of `until`.
    async with sequencing(ledger, work_timeout=2 * LEASE) as sequencer:
        await until(lambda: sequencer.leads)
        frozen = await backend_of_the_sequencer(ledger)
        os.kill(frozen, signal.SIGSTOP)
        try:
            await until(lambda: not sequencer.leads)
            await until(lambda: sequencer.leads)
            assert await backend_of_the_sequencer(ledger, other_than=frozen) != frozen
        finally:
            os.kill(frozen, signal.SIGCONT)


async def backend_of_the_sequencer(ledger, other_than: int = 0) -> int:
    query = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE application_name = 'accord-sequencer' AND datname = current_database() AND pid <> %s"
    )
    async with await psycopg.AsyncConnection.connect(ledger.url, autocommit=True) as connection:
        [pid] = await (await connection.execute(query, (other_than,))).fetchone()
    return pid
