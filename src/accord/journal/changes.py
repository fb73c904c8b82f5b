"""The change that clients receive for an entry, over any connection: which version of which record, and no data."""

from typing import Literal, cast

from accord.contract.serializers import timestamp
from accord.contract.types import Change
from accord.journal.cursors import Cursor
from accord.journal.reading import ChangeEntry, TailEntry


def change_of(key: str, entry: TailEntry | ChangeEntry) -> Change:
    """Return the change of an entry for one of its live keys; a change of a list names the record that moved in it."""
    change: Change = {
        "key": key,
        "position": entry.position,
        "cursor": str(Cursor.of_entry(entry)),
        # Events alone have no version, and are not announced.
        "version": cast("int", entry.record_version),
        "kind": cast("Literal['created', 'updated', 'deleted']", entry.kind),
        "at": timestamp(entry.at),
    }
    if key.startswith("getList:"):
        change["record"] = {"table": entry.record_table, "id": str(entry.record_id)}
    return change
