"""GET /api/v1/changes/stream."""

from typing import Any

from accord.context import Context
from accord.flows.changes import rules
from accord.journal import cursors


async def stream_changes(context: Context, keys: str, after: str | None) -> dict[str, Any]:
    """Allow the keys to be followed: return each with its version and what its access rests on, and where to begin.

    Sockets ask here, too: one place decides which keys a caller may follow.
    """
    wanted = rules.parsed(keys)
    begin = str(await cursors.newest(context.read)) if after is None else after
    items: list[dict[str, Any]] = []
    for key in wanted:
        version, rests_on = await rules.read_as_caller(context, key)
        items.append({"key": str(key), "version": version, "restsOn": rests_on})
    return {"items": items, "after": begin}
