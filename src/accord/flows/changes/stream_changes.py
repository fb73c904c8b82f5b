"""GET /api/v1/changes/stream."""

from typing import Any

from accord.context import Context
from accord.flows.changes import rules
from accord.journal import reading


async def stream_changes(context: Context, keys: str, after: int | None) -> dict[str, Any]:
    """Allow a stream: return its keys with their versions, and the position that these versions are at least of."""
    wanted = rules.parsed(keys)
    position = await reading.last_position(context.read)
    items = [{"key": str(key), "version": await rules.readable_version(context, key)} for key in wanted]
    return {"items": items, "after": after, "position": position}
