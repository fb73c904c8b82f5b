"""Follows the journal by position: what every reader of it builds on, in whichever process it runs.

Wake-ups, from this process or over NATS, only make it quick. Without any it polls, and loses nothing.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import bindparam, select

from accord import logs
from accord.database.pool import Database
from accord.database.statement import Statement
from accord.database.tables import journal, journal_positions, journal_relay
from accord.problems import Problem

BATCH = 500
"""Entries read at a time."""
POLL_INTERVAL = 1.0
"""Seconds after which it looks by itself while wake-ups are expected."""
POLL_INTERVAL_ALONE = 0.1
"""Seconds after which it looks by itself while nobody could wake it."""

Listener = Callable[[list[Any]], None]

_AFTER = Statement(
    select(
        journal_positions.c.position,
        journal.c.at,
        journal.c.actor_id,
        journal.c.operation,
        journal.c.record_table,
        journal.c.record_id,
        journal.c.record_version,
        journal.c.kind,
        journal.c.fields,
        journal.c.list_keys,
    )
    .join(
        journal,
        # The time of the entry tells PostgreSQL which partition it is in.
        (journal.c.id == journal_positions.c.entry_id) & (journal.c.at == journal_positions.c.entry_at),
    )
    .where(journal_positions.c.position > bindparam("after"))
    .order_by(journal_positions.c.position)
    .limit(bindparam("most"))
)
_LAST = Statement(select(journal_relay.c.position))


async def read(database: Database, after: int, most: int = BATCH) -> list[Any]:
    """Return the entries after a position, in order: rows with `position`, `at`, the record, `kind` and `list_keys`."""
    return await database.all(_AFTER, after=after, most=most)


async def last_position(database: Database) -> int:
    """Return the newest position; 0 when nothing was stamped yet."""
    return (await database.one(_LAST)).position


class Feed:
    """Hands every entry, in order and once, to the listeners of this process."""

    def __init__(self, database: Database, is_woken_by_others: Callable[[], bool]) -> None:
        """Take how to find out whether wake-ups of other processes can arrive."""
        self._database = database
        self._is_woken_by_others = is_woken_by_others
        self._woken = asyncio.Event()
        self.listeners: list[Listener] = []
        self.position = 0
        """The last position that the listeners have seen."""

    def wake(self) -> None:
        """Look now: something was stamped."""
        self._woken.set()

    async def start(self) -> None:
        """Begin at the newest position; what is older is read by those who ask for it."""
        self.position = await last_position(self._database)

    async def run(self) -> None:
        """Follow until cancelled, whatever happens to the database meanwhile."""
        while True:
            self._woken.clear()
            try:
                entries = await read(self._database, self.position)
            except Problem as problem:
                logs.debug("The journal could not be read.", reason=problem.code)
                entries = []
            if entries:
                self.position = entries[-1].position
                for listener in self.listeners:
                    listener(entries)
            else:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_INTERVAL if self._is_woken_by_others() else POLL_INTERVAL_ALONE):
                await self._woken.wait()
        except TimeoutError:
            return
