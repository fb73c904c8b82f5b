"""GET /api/v1/users."""

from accord.context import Context
from accord.contract.types import UserPage
from accord.flows.accounts import queries, shapes


async def list_users(context: Context, page: int, limit: int, search: str | None) -> UserPage:
    """Answer with one page of accounts, newest first."""
    rows, total = await queries.page_of_users(context.read, page=page, limit=limit, search=search)
    return {
        "items": [shapes.user(row) for row in rows],
        "page": page,
        "limit": limit,
        "total": total,
        "totalPages": -(-total // limit),
    }
