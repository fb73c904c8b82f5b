"""`accord db upgrade`, `accord db check` and `accord db seed`."""

import argparse

from accord.cli.parser import Parser, subcommands
from accord.cli.startup import add_data_dir, load_settings, make_data_folder, run
from accord.database.migrations import runner
from accord.embedded import address


def define(command: Parser) -> None:
    """Add the commands."""
    commands = subcommands(command)
    for name, work, explanation in (
        ("upgrade", upgrade, "bring the database to the newest revision"),
        ("check", check, "fail unless the database has the revision and the tables of this release"),
        ("seed", seed, "create the root account; the password is asked for, or ROOT_PASSWORD"),
    ):
        added = commands.add_parser(name, help=explanation)
        added.set_defaults(run=work)
        add_data_dir(added)
    added.add_argument("--email", required=True, help="email address of the root account")
    added.add_argument("--first-name", default="Root", help="first name of the root account; otherwise %(default)s")
    added.add_argument("--last-name", default="Admin", help="last name of the root account; otherwise %(default)s")


def upgrade(chosen: argparse.Namespace) -> int:
    """Bring the database to the newest revision of this release."""
    settings = load_settings(chosen)
    make_data_folder(settings)
    with address.database_address(settings) as url:
        changed = runner.upgrade(url)
        print(f"The database {'was brought to' if changed else 'is at'} {runner.current(url)}.")
    return 0


def check(chosen: argparse.Namespace) -> int:
    """Return 1 unless revision and tables are those of this release; a newer revision is fine."""
    settings = load_settings(chosen)
    address.refuse_missing(settings)
    make_data_folder(settings)
    with address.database_address(settings) as url:
        revision, newest = runner.current(url), runner.head()
        runner.refuse_lost(revision)
        if runner.is_behind(revision):
            print(f"The database is at {revision or 'no revision'}; run `accord db upgrade` to reach {newest}.")
            return 1
        if revision != newest:
            print(f"The database is at {revision}, which is newer than this release's {newest}.")
            return 0
        differences = runner.differences(url)
    print(f"The database is at {revision}.")
    for difference in differences:
        print(f"The database differs from this release: {difference}")
    return 1 if differences else 0


def seed(chosen: argparse.Namespace) -> int:
    """Create the root account."""
    settings = load_settings(chosen)
    from accord.boot import seeding  # noqa: PLC0415 - only this command needs the whole service

    account = seeding.asked_account(chosen.email, chosen.first_name, chosen.last_name)
    new = "" if address.exists(settings) else "new, "
    make_data_folder(settings)

    async def work() -> int:
        print(await seeding.seed(settings, account))
        print(f"The database is {new}{address.place_of_database(settings)}.")
        return 0

    return run(work())
