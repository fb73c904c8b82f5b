"""GET /api/v1/jobs."""

from accord.context import SignedInContext
from accord.contract.types import JobList
from accord.flows.jobs import queries, serializers


async def list_jobs(
    context: SignedInContext,
    *,
    state: str | None,
    queue: str | None,
    task: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    cursor: str | None,
) -> JobList:
    """Return a page of all jobs that fit the filters, newest first."""
    filters = serializers.filters(state=state, queue=queue, task=task, since=since, until=until)
    listing = context.listing(**filters)
    rows = await queries.page(context.read, filters, listing.after(cursor), limit + 1)
    return listing.page(
        rows, limit, lambda row: serializers.job(row, context.caller), lambda row: (row.created_at, row.id)
    )
