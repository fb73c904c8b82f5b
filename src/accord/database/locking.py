"""Statements that lock a whole table: a short wait, and in one message.

A transaction that waits for such a lock holds up all that follow it. So the wait has a limit, and a pause follows in
which the others work. The statements travel as one message, so that the server ends the transaction also when this
process is stopped half-way.
"""

import asyncio

import psycopg

from accord.database.autocommit import Autocommit
from accord.telemetry import logs

LOCK_TIMEOUT = 1.0
"""Seconds to wait for a lock that holds others up."""
PAUSE = 3.0
"""Seconds in which the others work before the next attempt."""


async def try_alone(database: Autocommit, *statements: str) -> bool:
    """Run the statements in one transaction; False, with nothing done, when a lock could not be had in time."""
    limit = f"SET LOCAL lock_timeout = {int(LOCK_TIMEOUT * 1000)}"
    async with database.connection() as connection:
        try:
            await connection.execute("; ".join([limit, *statements]).encode(), prepare=False)
        except psycopg.errors.LockNotAvailable:
            return False
    return True


async def alone(database: Autocommit, *statements: str, attempts: int) -> bool:
    """Try so many times, with a pause after each; False when the lock was never had."""
    for attempt in range(1, attempts + 1):
        if await try_alone(database, *statements):
            return True
        if attempt < attempts:
            logs.info("A lock could not be had in time; others work before the next attempt.", attempt=attempt)
            await asyncio.sleep(PAUSE)
    return False
