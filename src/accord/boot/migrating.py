"""The first step of every start: migrate the database to this release's revision (O-9)."""

from accord.database.migrations import runner
from accord.problems import CannotStart
from accord.telemetry import logs


def migrate(url: str, *, production: bool) -> None:
    """Migrate the database to the newest revision; in production an operator does so, with `accord db upgrade`."""
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
