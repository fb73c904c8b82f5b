"""GET /api/v1/changes/stream."""

from typing import Any

from accord.context import Context
from accord.flows.changes import rules
from accord.journal import cursors


async def stream_changes(context: Context, keys: str, after: str | None) -> dict[str, Any]:
    """Allow a stream: return its keys with their versions, and after where to begin."""
    wanted = rules.parsed(keys)
    last = await cursors.newest(context.read)
    items = [{"key": str(key), "version": await rules.readable_version(context, key)} for key in wanted]
    return {"items": items, "after": str(last) if after is None else after}
