"""J-2: one relay leads, another takes over, and nothing is stamped twice or skipped whoever believes to lead."""

import asyncio
import signal
import time

import psycopg
import pytest
from ledger import relaying, until
from running import Program

from accord.relay.leader import LOCK, STANDBY_INTERVAL, Relay
from accord.relay.stamping import Superseded, stamp

LEADS = "This process relays the journal"


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
    await ledger.until_stamped()

    first.stop(signal.SIGKILL)
    killed = time.monotonic()
    await ledger.write(*(f"after-{number}" for number in range(20)))
    entries = await ledger.until_stamped()
    took = time.monotonic() - killed

    # Without delay a standby asks once in STANDBY_INTERVAL; a machine that is busy may add to that.
    assert STANDBY_INTERVAL < 2
    assert took < 15
    await until(lambda: leader(programs) is not None)
    assert [entry.position for entry in entries] == list(range(1, 41))
    assert [entry.mark for entry in entries] == [f"{when}-{n}" for when in ("before", "after") for n in range(20)]


async def test_only_one_of_several_leads(ledger):
    async with relaying(ledger) as one, relaying(ledger) as two, relaying(ledger) as three:
        relays = [one, two, three]
        await until(lambda: any(relay.leads for relay in relays))
        await asyncio.sleep(0.6)

        assert sum(relay.leads for relay in relays) == 1


async def test_a_relay_that_lost_its_connection_stands_by_and_leads_again(ledger):
    async with relaying(ledger) as relay:
        await until(lambda: relay.leads)
        connection = await ledger.connect()
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks"
            " WHERE locktype = 'advisory' AND classid = %s AND objid = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [LOCK >> 32, LOCK & 0xFFFFFFFF],
        )
        await ledger.write("while nobody led")

        entries = await ledger.until_stamped()

        assert [entry.mark for entry in entries] == ["while nobody led"]
        await until(lambda: relay.leads)


class Usurper(Relay):
    """A relay that does not ask for the lock, as if the lock had been lost without its notice."""

    async def _has_lock(self, _connection: object) -> bool:
        return True


async def test_two_that_both_believe_to_lead_stamp_everything_once(ledger, monkeypatch):
    monkeypatch.setattr("accord.relay.leader.STANDBY_INTERVAL", 0.01)

    async def announce(_position: int) -> None:
        return

    async with relaying(ledger, Usurper(ledger.url, announce)), relaying(ledger, Usurper(ledger.url, announce)):
        names = [[f"w{writer}-{number}" for number in range(60)] for writer in range(4)]
        await asyncio.gather(*(ledger.write(*marks) for marks in names))
        entries = await ledger.until_stamped()

    assert [entry.position for entry in entries] == list(range(1, 241))
    assert sorted(entry.mark for entry in entries) == sorted(mark for marks in names for mark in marks)


async def test_who_stamps_from_a_position_that_has_passed_writes_nothing(ledger):
    await ledger.write("a", "b")
    slow, quick = await ledger.connect(autocommit=False), await ledger.connect()
    await slow.execute("SELECT 1 FROM journal_relay FOR UPDATE")
    overtaken = asyncio.create_task(stamp(quick))
    await ledger.until_waiting(quick)

    done = await stamp(slow)
    await slow.commit()

    assert done.position == 2
    with pytest.raises((Superseded, psycopg.errors.UniqueViolation)):
        await overtaken
    assert [(entry.position, entry.mark) for entry in await ledger.read()] == [(1, "a"), (2, "b")]
