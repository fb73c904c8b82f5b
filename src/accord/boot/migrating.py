"""What `accord db` does, and what every start does first: bring the database to this release's revision (O-9)."""

import sys

from accord.database.migrations import runner
from accord.embedded.address import database_address
from accord.problems import CannotStart
from accord.settings import Settings
from accord.telemetry import logs


def migrate(url: str, *, production: bool) -> None:
    """Bring the database to the head; in production an operator does so, with `accord db upgrade`."""
    if not production:
        runner.upgrade(url)
        return
    found = runner.current(url)
    runner.refuse_lost(found)
    if runner.is_behind(found):
        advice = f"run `accord db upgrade` to reach {runner.head()}"
        raise CannotStart(f"The database is at {found or 'no revision'}: {advice}.")
    if found != runner.head():
        logs.warning("The database was migrated by a newer release.", revision=found, known=runner.head())


def upgrade(settings: Settings) -> int:
    """Do what `accord db upgrade` says; return the exit status."""
    with database_address(settings) as url:
        changed = runner.upgrade(url)
        _print(f"The database {'was brought to' if changed else 'is at'} {runner.current(url)}.")
    return 0


def check(settings: Settings) -> int:
    """Do what `accord db check` says; return the exit status: 1 unless revision and tables are this release's."""
    with database_address(settings) as url:
        found, newest = runner.current(url), runner.head()
        runner.refuse_lost(found)
        if runner.is_behind(found):
            _print(f"The database is at {found or 'no revision'}; run `accord db upgrade` to reach {newest}.")
            return 1
        if found != newest:
            _print(f"The database is at {found}, which is newer than this release's {newest}.")
            return 0
        different = runner.differences(url)
    _print("\n".join([f"The database is at {found}.", *(f"It differs from this release: {one}" for one in different)]))
    return 1 if different else 0


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
