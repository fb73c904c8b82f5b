"""GET /api/v1/audit."""

from accord.context import SignedInContext
from accord.contract.types import AuditPage
from accord.flows.audit import queries, rules, serializers


async def list_audit(  # noqa: PLR0913 - as many parameters as the contract has
    context: SignedInContext,
    *,
    actor_id: str | None,
    operation: str | None,
    table: str | None,
    record_id: str | None,
    since: str | None,
    until: str | None,
    reason: str | None,
    limit: int,
    cursor: str | None,
) -> AuditPage:
    """Return the next page of entries of the journal that fit the filters, newest first."""
    filters = serializers.filters(
        actor_id=actor_id, operation=operation, table=table, record_id=record_id, since=since, until=until
    )
    every = rules.shows_every(context, reason, filters)
    listing = context.listing(**filters)
    rows = await queries.entries_before(context.read, listing.after(cursor), limit + 1, filters)
    records = await rules.readable(context, rows)
    entries = {row.position: serializers.entry(row, shown=every or rules.shows(row, records)) for row in rows}
    return listing.page(rows, limit, lambda row: entries[row.position], lambda row: [row.position])
