"""O-5, O-10: how far sequencing is behind is told, and whether anybody does it."""

import asyncio
import re

import httpx
from ledger import sequencing, until

from accord.database.database import Database
from accord.journal.backlog import backlog, has_leader, whole_backlog

SEQUENCED = "journal: a process sequences"
NAMES = ("accord_journal_backlog", "accord_journal_overdue", "accord_sequencer_lag_seconds", "accord_sequencer_leading")


async def test_entries_that_wait_are_counted_and_the_age_of_the_oldest_is_told(ledger):
    database = Database(ledger.url, 1)
    await database.open()
    await ledger.write("a", "b", "c")
    await asyncio.sleep(0.1)
    await ledger.assign_positions(limit=1)

    waiting = await backlog(database)
    await ledger.assign_positions()
    nothing = await backlog(database)

    assert (waiting.entries, 0.1 < waiting.seconds < 60) == (2, True)
    assert (nothing.entries, nothing.seconds) == (0, 0)
    await database.close()


async def test_entries_that_no_look_by_transaction_finds_are_told(ledger):
    database, connection = Database(ledger.url, 1), await ledger.connect()
    await database.open()
    await ledger.write("a", "b", "c")
    await connection.execute("SET session_replication_role = replica")
    await connection.execute("UPDATE accord.journal_sequencer SET low_transaction_id = '999999999'")
    await connection.execute("UPDATE accord.journal SET at = at - interval '6 s' WHERE id = 1")

    waiting = [await backlog(database), await whole_backlog(database)]

    assert [(found.entries, found.overdue, found.seconds > 6) for found in waiting] == [(3, 1, True)] * 2
    await database.close()


async def test_every_process_knows_whether_one_leads(ledger):
    database = Database(ledger.url, 1)
    await database.open()

    before = await has_leader(database)
    async with sequencing(ledger) as sequencer:
        await until(lambda: sequencer.leads)
        during = await has_leader(database)

    assert (before, during) == (False, True)
    await database.close()


async def test_metrics_show_it(given, until):
    leads = given.service.transport == "local"  # else a worker does, a moment after it started

    def is_well(shown):
        # What was written before anybody led waited longer.
        return shown["accord_sequencer_leading"] == leads and shown["accord_sequencer_lag_seconds"] < 5

    async with httpx.AsyncClient(base_url=given.service.url, timeout=30) as http:
        shown = await until(lambda: metrics(http), is_well)

    assert shown["accord_journal_backlog"] >= 0
    assert shown["accord_sequencer_lag_seconds"] >= 0


async def test_the_doctor_names_the_leader_and_the_backlog(given, until):
    done = await until(
        lambda: asyncio.to_thread(given.service.command, "doctor"), lambda done: SEQUENCED in done.stdout
    )

    assert re.search(rf"{SEQUENCED}; \d+ entries wait", done.stdout), done.stdout + done.stderr


async def metrics(http):
    page = (await http.get("/metrics")).text
    return {name: float(re.search(rf"^{name} (\S+)$", page, re.MULTILINE)[1]) for name in NAMES}
