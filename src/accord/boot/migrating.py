"""The first step of every start: migrate the database to this release's revision (O-9)."""

from accord.database.migrations import runner
from accord.telemetry import logs


def migrate(url: str, *, production: bool) -> None:
    """Migrate the database to the newest revision; in production an operator does so, with `accord db upgrade`."""
    if not production:
        runner.upgrade(url)
        return
    found = runner.current(url)
    runner.refuse_behind(found)
    if found != runner.head():
        logs.warning("The database was migrated by a newer release.", revision=found, known=runner.head())
