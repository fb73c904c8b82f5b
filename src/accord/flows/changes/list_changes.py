"""GET /api/v1/changes."""

from accord.context import SignedInContext
from accord.contract.types import Changes
from accord.flows.changes import rules, serializers
from accord.flows.changes.problems import ResyncRequired
from accord.journal import cursors
from accord.journal.cursors import Cursor


async def list_changes(context: SignedInContext, keys: str, after: str | None, limit: int) -> Changes:
    """Return the changes of these keys after a cursor, and the cursor up to which they are complete."""
    requested = {str(key): key for key in rules.parsed(keys)}
    last = await cursors.newest(context.read)
    begin = last if after is None else Cursor.parse(after)
    until = await rules.end_of_window(context, begin, last)
    entries = await rules.entries_between(context, begin, until, requested.values(), limit)
    # Access is checked after reading: changes read before access ended may be returned, and later ones were not read.
    for key in requested.values():
        await rules.read_as_caller(context, key)
    if entries is None:
        raise ResyncRequired
    return serializers.page(entries, requested, until, limit)
