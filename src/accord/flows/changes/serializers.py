"""Changes as responses."""

from collections.abc import Container

from accord.contract.types import Change, Changes
from accord.journal.changes import change_of
from accord.journal.cursors import Cursor
from accord.journal.reading import ChangeEntry, keys_of


def page(entries: list[ChangeEntry], requested: Container[str], until: Cursor, limit: int) -> Changes:
    """Return the first changes up to the limit, never a part of one position; without more, all up to `until`."""
    items: list[Change] = []
    end = until
    if len(entries) == limit:
        end = Cursor.of_entry(entries[-1])
    for entry in entries:
        found = [change_of(key, entry) for key in keys_of(entry) if key in requested]
        if items and len(items) + len(found) > limit:
            return {"items": items, "position": items[-1]["position"], "cursor": items[-1]["cursor"]}
        items += found
    return {"items": items, "position": end.position, "cursor": str(end)}
