"""Expired rows are deleted beside the requests that write such rows: at most once a minute, and some at a time.

That suits rows which mean nothing once they expired, such as counts and saved responses: only requests make more of
them. Rows with a retention that is promised are deleted by `journal.housekeeping`.
"""

import time
from contextlib import suppress

from sqlalchemy import ColumnElement, Table, delete, literal_column, select

from accord.database.database import Database
from accord.database.statement import Statement
from accord.problems import Problem

INTERVAL = 60.0
"""Seconds between two deletions in one process."""
MAX_ROWS = 1000
"""Rows that one deletion takes, so that no request waits long for it."""


def deletion(table: Table, is_expired: ColumnElement[bool]) -> Statement[object]:
    """Return the statement that deletes some expired rows, and leaves rows alone that another process is deleting."""
    row = literal_column("ctid")
    some = select(row).select_from(table).where(is_expired).limit(MAX_ROWS).with_for_update(skip_locked=True)
    return Statement(delete(table).where(row.in_(some)))


class Expiry:
    """Deletes the expired rows of one table."""

    def __init__(self, database: Database, statement: Statement[object], interval: float = INTERVAL) -> None:
        """Take a statement of `deletion`, and the seconds until it may run first, and again."""
        self._database = database
        self._statement = statement
        self._interval = interval
        self._deleted_at = time.monotonic()

    async def delete_if_due(self) -> None:
        """Delete some rows when the interval is over; a problem of the database is left to the next time."""
        now = time.monotonic()
        if now - self._deleted_at < self._interval:
            return
        self._deleted_at = now
        with suppress(Problem):
            await self._database.run(self._statement)
