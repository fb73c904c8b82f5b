"""How changes look on the wire."""

from collections.abc import Container
from typing import Any

from accord.contract.shapes import timestamp
from accord.contract.types import Change, Changes
from accord.journal.reading import keys_of


def changes(entry: Any, wanted: Container[str]) -> list[Change]:
    """Return what an entry of the journal is for each of the wanted keys that it touches."""
    return [
        {
            "key": key,
            "position": entry.position,
            "version": entry.record_version,
            "kind": entry.kind,
            "at": timestamp(entry.at),
        }
        for key in keys_of(entry)
        if key in wanted
    ]


def page(entries: list[Any], wanted: Container[str], upto: int, limit: int) -> Changes:
    """Return the first changes, up to the limit but never a part of one position; without more, all up to `upto`."""
    items: list[Change] = []
    for entry in entries:
        found = changes(entry, wanted)
        if items and len(items) + len(found) > limit:
            return {"items": items, "position": items[-1]["position"]}
        items += found
    return {"items": items, "position": entries[-1].position if len(entries) == limit else upto}
