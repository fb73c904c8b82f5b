"""GET /api/v1/changes."""

from accord.context import Context
from accord.contract.types import Changes
from accord.flows.changes import rules, shapes
from accord.flows.changes.problems import ResyncRequired
from accord.journal import cursors, reading
from accord.journal.cursors import Cursor


async def list_changes(context: Context, keys: str, after: str | None, limit: int) -> Changes:
    """Answer with the changes of these keys after a cursor, and how far these are all."""
    wanted = {str(key): key for key in rules.parsed(keys)}
    for key in wanted.values():
        await rules.readable_version(context, key)
    last = await cursors.newest(context.read)
    begin = last if after is None else Cursor.parse(after)
    if begin == last:
        return shapes.none_since(last)
    if begin.position > last.position or not await cursors.fits(context.read, begin):
        raise ResyncRequired
    upto = await rules.end_of_window(context, begin, last)
    try:
        entries = await reading.changes(context.read, begin.position, upto.position, wanted.values(), limit)
    except reading.Forgotten:
        raise ResyncRequired from None
    return shapes.page(entries, wanted, upto, limit)
