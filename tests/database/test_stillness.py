"""I-11: what stands still within a transaction is ended by the server, and whoever goes on is refused."""

import asyncio
from contextlib import suppress

import pytest
from ledger import Ledger
from sqlalchemy import text

from accord.database.database import Database
from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.problems import ServiceUnavailable

TOUCH = Statement(text("SELECT pg_current_xact_id()"))
ONE = Statement(text("SELECT 1 AS one"))


async def test_a_transaction_that_stands_still_is_ended_and_refused(ledger: Ledger):
    database = Database(ledger.url, 1, still_timeout=0.2)
    await database.open()
    still = Transaction(database)
    await still.run(TOUCH)
    await ledger.write("behind it")

    async with asyncio.timeout(10):
        while await ledger.assign_positions() is None:
            await asyncio.sleep(0.05)

    with pytest.raises(ServiceUnavailable):
        await still.run(ONE)
    with suppress(ServiceUnavailable):
        await still.rollback()
    assert await database.one(ONE)
    await database.close()
