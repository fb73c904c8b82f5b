"""GET /api/v1/me/activity."""

from accord.context import SignedInContext
from accord.contract.types import AuditPage
from accord.flows.audit import queries, rules, serializers


async def list_my_activity(context: SignedInContext, limit: int, cursor: str | None) -> AuditPage:
    """Return the next page of entries whose actor is the caller, newest first."""
    listing = context.listing()
    filters = {"actor_id": context.caller.id}
    rows = await queries.entries_before(context.read, listing.after(cursor), limit + 1, filters)
    records = await rules.readable(context, rows)
    return listing.page(
        rows, limit, lambda row: serializers.entry(row, shown=rules.shows(row, records)), lambda row: [row.position]
    )
