"""`accord journal verify`, `accord journal prune` and `accord journal drop-reader`."""

import argparse
from datetime import date

from accord.cli.parser import Parser, subcommands
from accord.cli.startup import add_data_dir, load_settings, run
from accord.database.database import Database
from accord.database.migrations import runner
from accord.embedded.address import database_address, refuse_missing
from accord.journal import readers
from accord.journal.checkpoints import load_checkpoints
from accord.journal.clusters import moves
from accord.journal.keys import JournalKeys, known
from accord.journal.pruning import Held, HeldByReader, prune
from accord.journal.verification import verify
from accord.security.tokens import AccessTokens
from accord.settings import Settings


def define(command: Parser) -> None:
    """Add the commands."""
    commands = subcommands(command)
    verifying = commands.add_parser("verify", help="fail unless every entry is the one that was written")
    verifying.set_defaults(run=_verify)
    add_data_dir(verifying)
    pruning = commands.add_parser("prune", help="drop whole months, and keep the rest verifiable")
    pruning.set_defaults(run=_prune)
    pruning.add_argument("--before", type=_day, required=True, help="a day, such as 2026-01-01")
    add_data_dir(pruning)
    dropping = commands.add_parser("drop-reader", help="delete the position of a reaction that no release has any more")
    dropping.set_defaults(run=_drop_reader)
    dropping.add_argument("name", help="the name, such as accounts.after_users_created")
    add_data_dir(dropping)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2026-01-01") from None


def _verify(chosen: argparse.Namespace) -> int:
    settings = load_settings(chosen)
    refuse_missing(settings)
    with database_address(settings) as url:
        runner.refuse_behind(runner.current(url))
        return run(verify_journal(settings, url))


def _prune(chosen: argparse.Namespace) -> int:
    settings = load_settings(chosen)
    refuse_missing(settings)
    with database_address(settings) as url:
        runner.refuse_behind(runner.current(url))
        return run(prune_journal(settings, url, chosen.before))


def _drop_reader(chosen: argparse.Namespace) -> int:
    settings = load_settings(chosen)
    from accord.boot.reaction_discovery import find_reactions  # noqa: PLC0415 - only this command needs the flows

    if any(reaction.reader == chosen.name for reaction in find_reactions().after):
        print(f"Nothing was changed: this release has the reaction of {chosen.name}, and needs its reader.")
        return 1
    refuse_missing(settings)
    with database_address(settings) as url:
        runner.refuse_behind(runner.current(url))
        return run(drop_reader(url, chosen.name))


async def drop_reader(url: str, name: str) -> int:
    """Drop a reader; return 1 when there is none of this name."""
    database = Database(url, 1)
    await database.open()
    try:
        is_dropped = await readers.drop(database, name)
        names = [found.name for found in await readers.standings(database)]
    finally:
        await database.close()
    if not is_dropped:
        print(f"No reader is named {name}. The readers: {', '.join(names) or 'none'}.")
        return 1
    print(f"Dropped the reader {name}.")
    return 0


async def verify_journal(settings: Settings, url: str) -> int:
    """Print whether the journal is what was written; return 1 when it is not."""
    database = Database(url, 1, for_reading=True)
    await database.open()
    try:
        checkpoints = await load_checkpoints(database, settings.data_dir)
        keys = JournalKeys(settings, AccessTokens(settings))
        trusted = await known(database, settings.data_dir, keys, checkpoints)
        verdict = await verify(database, checkpoints, trusted)
        moved = await moves(database)
    finally:
        await database.close()
    for move in moved:
        print(f"{move}.")
    if verdict.broken_at is not None:
        print(f"The journal is broken at position {verdict.broken_at}: {verdict.reason}.")
        return 1
    print(
        f"The journal is sound: {verdict.verified} entries up to position {verdict.position},"
        f" {len(checkpoints)} signed checkpoints."
    )
    return 0


async def prune_journal(settings: Settings, url: str, before: date) -> int:
    """Drop the months that end before a day; print what went; return 1 when the journal was held all the time."""
    held_by = None
    database = Database(url, 1)
    await database.open()
    try:
        pruned = await prune(database, settings.data_dir, before, JournalKeys(settings, AccessTokens(settings)))
    except Held as held:
        pruned, held_by = held.done, held
    finally:
        await database.close()
    for month, entries in pruned:
        print(f"Dropped {month.partition} with {entries} entries.")
    if isinstance(held_by, HeldByReader):
        name, position = held_by.reader.name, held_by.reader.position
        print(f"The next month has entries that {name} has not passed: its reader is at position {position}.")
        print("Let it go on; the log has its errors. If no release has this reaction any more, run")
        print(f"`accord journal drop-reader {name}`. Then run this again.")
        return 1
    if held_by is not None:
        print("A transaction that is open for long holds the journal. End it, then run this again.")
        return 1
    if not pruned:
        print(f"No month of the journal ends before {before}.")
    return 0
