"""GET /api/v1/me/jobs."""

from accord.context import SignedInContext
from accord.contract.types import JobList
from accord.flows.jobs import queries, serializers


async def list_my_jobs(context: SignedInContext, limit: int, cursor: str | None) -> JobList:
    """Return a page of the jobs that the caller owns, newest first."""
    listing = context.listing()
    rows = await queries.page_of_owner(context.read, context.caller.id, listing.after(cursor), limit + 1)
    return listing.page(rows, limit, lambda row: serializers.job(row, context.caller), lambda row: [row.id])
