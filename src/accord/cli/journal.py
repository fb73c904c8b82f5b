"""`accord journal verify` and `accord journal prune`."""

import sys
from datetime import date

from accord.database.pool import Database
from accord.journal.checkpoints import kept
from accord.journal.clusters import moves
from accord.journal.keys import JournalKeys, known
from accord.journal.pruning import Held, prune
from accord.journal.verification import verify
from accord.security.tokens import AccessTokens
from accord.settings import Settings


async def verify_journal(settings: Settings, url: str) -> int:
    """Print whether the journal is what was written; return 1 when it is not."""
    database = Database(url, 1, for_reading=True)
    await database.open()
    try:
        checkpoints = await kept(database, settings.data_dir)
        keys = JournalKeys(settings, AccessTokens(settings))
        trusted = await known(database, settings.data_dir, keys, checkpoints)
        verdict = await verify(database, checkpoints, trusted)
        moved = await moves(database)
    finally:
        await database.close()
    sys.stdout.writelines(f"{move}.\n" for move in moved)
    if verdict.broken_at is not None:
        sys.stdout.write(f"The journal is broken at position {verdict.broken_at}: {verdict.reason}.\n")
        return 1
    sys.stdout.write(
        f"The journal is sound: {verdict.verified} entries up to position {verdict.position},"
        f" {len(checkpoints)} signed checkpoints.\n"
    )
    return 0


async def prune_journal(settings: Settings, url: str, before: date) -> int:
    """Drop the months that end before a day; print what went; return 1 when the journal was held all the time."""
    is_held = False
    database = Database(url, 1)
    await database.open()
    try:
        pruned = await prune(database, settings.data_dir, before, JournalKeys(settings, AccessTokens(settings)))
    except Held as held:
        pruned, is_held = held.done, True
    finally:
        await database.close()
    for month, entries in pruned:
        sys.stdout.write(f"Dropped {month.partition} with {entries} entries.\n")
    if is_held:
        sys.stdout.write("A transaction that is open for long holds the journal. End it, then run this again.\n")
        return 1
    if not pruned:
        sys.stdout.write(f"No month of the journal ends before {before}.\n")
    return 0
