import asyncio
import time


async def test_every_change_gets_a_position_soon_after_its_commit(given):
    me = await given.an_account()

    changed = await me.patch("/api/v1/me", expectedVersion=1, firstName="Grace")

    assert changed.status_code == 200
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        rows = await given.sql(
            "SELECT position FROM journal_positions JOIN journal ON journal.id = entry_id WHERE record_id = %s", me.id
        )
        if len(rows) == 2:  # its creation and the change
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the change was not stamped")


async def test_positions_are_dense(given):
    me = await given.an_account()
    for version in range(1, 6):
        await me.patch("/api/v1/me", expectedVersion=version, firstName=f"Name {version}")

    ((count, last),) = await given.sql("SELECT count(*), max(position) FROM journal_positions")

    assert count == last
