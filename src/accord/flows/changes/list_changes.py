"""GET /api/v1/changes."""

from accord.context import Context
from accord.contract.types import Changes
from accord.flows.changes import rules, shapes
from accord.flows.changes.problems import ResyncRequired
from accord.journal import reading


async def list_changes(context: Context, keys: str, after: int | None, limit: int) -> Changes:
    """Answer with the changes of these keys after a position, and how far these are all."""
    wanted = {str(key): key for key in rules.parsed(keys)}
    for key in wanted.values():
        await rules.readable_version(context, key)
    last = await reading.last_position(context.read)
    if after is None or after == last:
        return {"items": [], "position": last}
    if after > last:
        raise ResyncRequired
    upto = min(last, after + rules.WINDOW)
    try:
        entries = await reading.changes(context.read, after, upto, wanted.values(), limit)
    except reading.Forgotten:
        raise ResyncRequired from None
    return shapes.page(entries, wanted, upto, limit)
