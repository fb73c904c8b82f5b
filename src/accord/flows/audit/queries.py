"""The statements of the audit domain."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select

from accord.database.reader import Reader
from accord.database.statement import Statement
from accord.journal.tables import journal, journal_positions


class EntryRow(NamedTuple):
    """An entry of the journal with its position."""

    position: int
    at: datetime
    request_id: str
    actor_kind: str
    actor_id: UUID | None
    organisation_id: UUID | None
    operation: str
    table: str
    record_id: UUID
    version: int | None
    kind: str
    fields: dict[str, Any]


_entries = select(
    journal_positions.c.position,
    journal.c.at,
    journal.c.request_id,
    journal.c.actor_kind,
    journal.c.actor_id,
    journal.c.organisation_id,
    journal.c.operation,
    journal.c.record_table.label("table"),
    journal.c.record_id,
    journal.c.record_version.label("version"),
    journal.c.kind,
    journal.c.fields,
).join(
    journal_positions,
    (journal.c.id == journal_positions.c.entry_id) & (journal.c.at == journal_positions.c.entry_at),
)
_conditions: Mapping[str, ColumnElement[bool]] = {
    "actor_id": journal.c.actor_id == bindparam("actor_id"),
    "operation": journal.c.operation == bindparam("operation"),
    "table": journal.c.record_table == bindparam("table"),
    "record_id": journal.c.record_id == bindparam("record_id"),
    "since": journal.c.at >= bindparam("since"),
    "until": journal.c.at < bindparam("until"),
    "before": journal_positions.c.position < bindparam("before"),
}


async def entries_before(
    read: Reader, before: Sequence[int] | None, limit: int, filters: Mapping[str, Any]
) -> list[EntryRow]:
    """Return the newest entries that fit all filters, from a position downwards or from the end."""
    values = dict(filters) if before is None else {**filters, "before": before[0]}
    return await read.all(_newest(tuple(sorted(values))), limit=limit, **values)


@cache
def _newest(conditions: tuple[str, ...]) -> Statement[EntryRow]:
    """Return the statement with only these conditions, so that the planner can choose an index for them."""
    where = (_conditions[name] for name in conditions)
    newest = _entries.where(*where).order_by(journal_positions.c.position.desc()).limit(bindparam("limit"))
    return Statement(newest, EntryRow)


# Compiled here, so that a wrong row type fails at start, as in every other statement.
_newest(())
