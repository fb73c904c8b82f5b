"""Access to the values of an entry: for callers who may read its record now, and for root with a reason."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from accord.context import SignedInContext
from accord.contract.records import kinds
from accord.flows.audit.queries import EntryRow
from accord.flows.record_types import record_type
from accord.problems import Forbidden

Readable = set[tuple[str, str]]


async def readable(context: SignedInContext, entries: Sequence[EntryRow]) -> Readable:
    """Return the records of these entries that the caller may read, by table and id; one statement for each table."""
    ids: dict[str, set[str]] = {}
    for entry in entries:
        if entry.table in kinds():
            ids.setdefault(entry.table, set()).add(str(entry.record_id))
    return {
        (table, str(row.id))
        for table in sorted(ids)
        for row in await record_type(table).readable(context.read, context.caller, sorted(ids[table]))
    }


def shows(entry: EntryRow, records: Readable) -> bool:
    """Return whether the values of an entry may be shown; without a record, as for a session, the values of events."""
    if entry.table not in kinds():
        return entry.kind == "event"
    return (entry.table, str(entry.record_id)) in records


def shows_every(context: SignedInContext, reason: str | None, filters: Mapping[str, Any]) -> bool:
    """Return whether root sees every value, with a reason; an entry about that is committed before the response."""
    if reason is None:
        return False
    if not context.caller.may("admin:all"):
        raise Forbidden("Only root sees withheld values, with a reason. Leave `reason` out to see the rest.")
    reading = {"event": "values read", "reason": reason, **filters}
    context.journal.event("users", UUID(context.caller.id), reading)
    return True
