"""`accord inbox`: prints the mails of development."""

import argparse

from accord.cli.failures import write_failure
from accord.cli.parser import Parser
from accord.cli.startup import add_data_dir, load_settings, run
from accord.contract.times import timestamp
from accord.database.database import Database
from accord.database.migrations import runner
from accord.embedded.address import database_address, refuse_missing
from accord.flows.mail.rules import mails_within


def define(command: Parser) -> None:
    """Add the options."""
    command.set_defaults(run=_inbox)
    command.add_argument("--to", help="only mails to this address")
    command.add_argument("--subject", help="only mails whose subject contains this text")
    command.add_argument("--wait", type=_seconds, default=0.0, metavar="SECONDS", help="wait for a mail that fits")
    add_data_dir(command)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not seconds >= 0:  # Not a number is neither.
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds such as 20")
    return seconds


def _inbox(chosen: argparse.Namespace) -> int:
    settings = load_settings(chosen)
    if settings.is_production:
        write_failure("Production keeps no mails: they go to the server of SMTP_URL.")
        return 1
    refuse_missing(settings)
    with database_address(settings) as url:
        runner.refuse_behind(runner.current(url))
        return run(print_mails(url, chosen.to, chosen.subject, chosen.wait))


async def print_mails(url: str, to: str | None, subject: str | None, wait: float) -> int:
    """Print the mails that fit, the newest last; return 1 when there is none within the wait (seconds)."""
    database = Database(url, 1, for_reading=True)
    await database.open()
    try:
        mails = await mails_within(database, to, subject, wait)
    finally:
        await database.close()
    for mail in reversed(mails):
        print(f"{timestamp(mail.at)}  {_plain(mail.to)}  {_plain(mail.subject)}\n\n{_plain(mail.text)}")
    if not mails:
        print("No mail fits.")
    return 0 if mails else 1


def _plain(text: str) -> str:
    """Return the text without the characters that would control the terminal."""
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in text)
