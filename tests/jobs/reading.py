"""Readers of a journal of the test's own, and an effect that can be counted: a row of the table `effects`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ledger import Ledger
from reacting import opened_resources
from sqlalchemy import text

from accord.context import Context
from accord.database.statement import Statement
from accord.jobs.readers import AfterReaction, Readers
from accord.journal.readers import Entry
from accord.journal.tail import JournalTail

EFFECT = Statement(text("INSERT INTO public.effects (reader, position) VALUES (:reader, :position)"))
MAKE_EFFECTS = "CREATE TABLE IF NOT EXISTS public.effects (id bigserial, reader text, position bigint)"
React = Callable[[Context, Entry], Awaitable[None]]


async def write_effect(context: Context, entry: Entry) -> None:
    await context.tx.run(EFFECT, reader=context.operation, position=entry.position)


def after(name: str = "after_things_updated", flow: React = write_effect, table: str = "things") -> AfterReaction:
    return AfterReaction("tests", name, table, "updated", flow)


class Reading:
    """What happened in the database of a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    async def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = await self.ledger.connect()
        try:
            cursor = await connection.execute(statement.encode(), values)
            return await cursor.fetchall() if cursor.description else []
        finally:
            await connection.close()

    async def effects(self, reader: str = "after_things_updated") -> list[int]:
        """Return the positions that had their effect, in the order of the effects."""
        found = await self.rows("SELECT position FROM public.effects WHERE reader = %s ORDER BY id", reader)
        return [position for (position,) in found]

    async def position(self, reader: str = "tests.after_things_updated") -> int | None:
        found = await self.rows("SELECT position FROM accord.journal_readers WHERE name = %s", reader)
        return found[0][0] if found else None

    async def begin(self, *reactions: AfterReaction) -> None:
        """Let the readers of the reactions begin at the newest position."""
        await self.rows(MAKE_EFFECTS)
        for reaction in reactions:
            await self.rows(
                "INSERT INTO accord.journal_readers (name, position, hash)"
                " SELECT %s, position, hash FROM accord.journal_sequencer",
                reaction.reader,
            )


@asynccontextmanager
async def running(url: str, data_dir: Path, *reactions: AfterReaction) -> AsyncIterator[JournalTail]:
    """Run the readers, as one process does, within the block; its tail gets no notification, and polls."""
    async with opened_resources(url, data_dir) as resources:
        tail = JournalTail(resources.database.background, lambda: False)
        await tail.start()
        readers = Readers(resources, tail, reactions)
        tasks = [asyncio.create_task(tail.run()), asyncio.create_task(readers.run())]
        try:
            yield tail
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
