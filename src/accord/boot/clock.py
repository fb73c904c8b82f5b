"""Keeps this process at the time of the database, and logs when the machine's clock differs by over 2 seconds."""

import asyncio
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import column, text

from accord import clock
from accord.database.autocommit import Autocommit, Bounded
from accord.database.schema import timestamp
from accord.database.statement import Statement
from accord.telemetry import logs

INTERVAL = 5.0
"""Seconds between looks at the database's clock."""
TOLERANCE = 2.0
"""Seconds by which the machine's clock may differ before a warning is logged."""


class _Now(NamedTuple):
    now: datetime


_NOW = Statement(text("SELECT clock_timestamp() AS now").columns(column("now", timestamp("now").type)), _Now)


async def learn(database: Autocommit) -> None:
    """Read the database's clock once."""
    asked_at = clock.uptime()
    [row] = await database.all(_NOW)
    clock.learn(row.now, asked_at, clock.uptime())


async def follow(database: Bounded) -> None:
    """Read the clock every 5 seconds until cancelled; log when the machine's clock begins, and ceases, to differ."""
    differs = False
    while True:
        if (abs(clock.skew()) > TOLERANCE) != differs:
            differs = not differs
            tell = logs.warning if differs else logs.info
            tell(
                "This machine's clock differs from the database's, which Accord uses for times."
                if differs
                else "This machine's clock agrees with the database's again.",
                seconds=round(clock.skew(), 3),
            )
        await asyncio.sleep(INTERVAL)
        try:
            await learn(database)
        except Exception as error:  # noqa: BLE001 - the next read may succeed, whatever the error
            logs.debug("The database's clock could not be read.", reason=type(error).__name__)
