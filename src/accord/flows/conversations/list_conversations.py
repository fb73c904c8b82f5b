"""GET /api/v1/conversations."""

from accord.context import SignedInContext
from accord.contract.types import ConversationList
from accord.flows.conversations import queries, serializers


async def list_conversations(context: SignedInContext, limit: int, cursor: str | None) -> ConversationList:
    """Return a page of the caller's conversations, the last joined first."""
    listing = context.listing()
    rows = await queries.page(context.read, context.caller.id, listing.after(cursor), limit + 1)
    return listing.page(rows, limit, serializers.conversation, lambda row: (row.joined_at, row.id))
