"""GET /api/v1/users."""

from accord.context import SignedInContext
from accord.contract.types import UserPage
from accord.flows.accounts import queries, rules, serializers


async def list_users(
    context: SignedInContext, page: int | None, limit: int, search: str | None, cursor: str | None
) -> UserPage:
    """Return a page of accounts, newest first: by number, or after a cursor, which neither skips nor repeats."""
    listing = context.listing(search=search)
    last = rules.last_shown(page, listing.after(cursor))
    page = last.page + 1 if last else page or 1
    if last is None:
        rows = await queries.page_of_users(context.read, page=page, limit=limit, rows=limit + 1, search=search)
    else:
        rows = await queries.users_older_than(context.read, last.created_at, last.id, limit + 1, search)
    total = await queries.count_users(context.read, search)
    counted = {"page": page, "limit": limit, "total": total, "totalPages": -(-total // limit)}
    return listing.page(rows, limit, serializers.user, lambda row: (row.created_at, row.id, page)) | counted
