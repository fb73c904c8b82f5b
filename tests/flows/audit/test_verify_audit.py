import asyncio
from contextlib import asynccontextmanager

import psycopg


@asynccontextmanager
async def tampered(given, position):
    """Change what an entry says, behind the back of the triggers, until the block ends."""
    where = "WHERE id = (SELECT entry_id FROM accord.journal_positions WHERE position = %s)"
    async with await psycopg.AsyncConnection.connect(given.service.database_url, autocommit=True) as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(f"UPDATE accord.journal SET operation = operation || 'x' {where}", [position])  # noqa: S608
        try:
            yield
        finally:
            await connection.execute(f"UPDATE accord.journal SET operation = rtrim(operation, 'x') {where}", [position])  # noqa: S608


async def test_an_unchanged_journal_is_reported_sound(given, sequenced):
    admin = await given.an_admin()
    await sequenced(admin, 1)
    [(before,)] = await given.sql("SELECT position FROM accord.journal_sequencer")

    verdict = (await admin.get("/api/v1/audit/verify")).json()

    assert verdict["position"] >= before > 0
    assert verdict == {
        "sound": True,
        "verified": verdict["position"],
        "position": verdict["position"],
        "brokenAt": None,
        "reason": None,
    }


async def test_names_the_position_of_an_entry_that_was_edited(given, sequenced):
    admin = await given.an_admin()
    await sequenced(admin, 2)

    async with tampered(given, 2):
        verdict = (await admin.get("/api/v1/audit/verify")).json()

    assert (verdict["sound"], verdict["verified"], verdict["brokenAt"]) == (False, 1, 2)
    assert verdict["reason"] == "the entry is not the one that was sequenced"


async def test_is_right_while_entries_are_being_written(given):
    admin, me = await given.an_admin(), await given.an_account()

    async def change():
        for version in range(1, 21):
            assert (await me.patch("/api/v1/me", expectedVersion=version, firstName="Grace")).status_code == 200

    writing = asyncio.create_task(change())
    verdicts = [(await admin.get("/api/v1/audit/verify")).json() for _ in range(5)]
    await writing

    assert all(verdict["sound"] for verdict in verdicts), verdicts


async def test_a_customer_may_not(given):
    somebody = await given.an_account()

    response = await somebody.get("/api/v1/audit/verify")

    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")
