"""Expired rows are deleted in batches: each is a statement that commits by itself, and waits for no row."""

from sqlalchemy import ColumnElement, Table, delete, literal_column, select

from accord.database.autocommit import Autocommit
from accord.database.statement import Statement

BATCH = 1000
"""Rows that one statement deletes, so that no request waits long for it."""


def deletion(table: Table, is_expired: ColumnElement[bool]) -> Statement[object]:
    """Return the statement that deletes a batch of expired rows, without rows that another process is deleting."""
    row = literal_column("ctid")
    some = select(row).select_from(table).where(is_expired).limit(BATCH).with_for_update(skip_locked=True)
    return Statement(delete(table).where(row.in_(some)))


async def delete_batch(database: Autocommit, statement: Statement[object], **values: object) -> bool:
    """Run a statement of `deletion`; return whether more may be left."""
    return await database.run(statement, **values) == BATCH
