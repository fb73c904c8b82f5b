"""GET /api/v1/changes/stream."""

from typing import Any

from accord.context import SignedInContext
from accord.flows.changes import rules
from accord.journal import cursors


async def stream_changes(context: SignedInContext, keys: str, after: str | None) -> dict[str, Any]:
    """Check access to the keys: return each with its version and the keys that access rests on, and the first cursor.

    Sockets ask here, too: one place decides which keys a caller may follow.
    """
    requested = rules.parsed(keys)
    begin = str(await cursors.newest(context.read)) if after is None else after
    items: list[dict[str, Any]] = []
    for key in requested:
        version, rests_on = await rules.read_as_caller(context, key)
        items.append({"key": str(key), "version": version, "restsOn": rests_on})
    return {"items": items, "after": begin}
