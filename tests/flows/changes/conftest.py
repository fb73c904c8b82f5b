import asyncio
from collections.abc import Awaitable, Callable

import pytest
from given import Account, Given

UNSEQUENCED = (
    "SELECT 1 FROM accord.journal j LEFT JOIN accord.journal_positions p ON p.entry_id = j.id"
    " WHERE j.record_id = %s AND p.position IS NULL"
)


@pytest.fixture
def announced(given: Given) -> Callable[[], Awaitable[Account]]:
    """Make an account whose creation has its position: `me = await announced()`; who follows it does not hear of it."""

    async def make() -> Account:
        me = await given.an_account()
        async with asyncio.timeout(30):
            while await given.sql(UNSEQUENCED, me.id):
                await asyncio.sleep(0.02)
        return me

    return make
