"""What followers are told of an entry, over whichever transport: that something changed, and not what it is now."""

from typing import Any

from accord.contract.serializers import timestamp
from accord.contract.types import Change
from accord.journal.cursors import Cursor


def change_of(key: str, entry: Any) -> Change:
    """Return what an entry is for one of its keys; for a list it names the record that moved in it."""
    change: Change = {
        "key": key,
        "position": entry.position,
        "cursor": str(Cursor.of_entry(entry)),
        "version": entry.record_version,
        "kind": entry.kind,
        "at": timestamp(entry.at),
    }
    if key.startswith("getList:"):
        change["record"] = {"table": entry.record_table, "id": str(entry.record_id)}
    return change
