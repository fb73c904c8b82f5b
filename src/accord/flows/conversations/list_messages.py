"""GET /api/v1/conversations/{conversationId}/messages."""

from accord.context import Context
from accord.contract.types import MessageList
from accord.flows.conversations import queries, rules, shapes


async def list_messages(context: Context, conversation_id: str, limit: int, cursor: str | None) -> MessageList:
    """Answer with a part of the messages of a conversation, newest first."""
    found = await rules.readable_conversation(context, conversation_id)
    listing = context.listing(conversation=found.id)
    rows = await queries.page_of_messages(context.read, found.id, listing.after(cursor), limit + 1)
    return listing.page(rows, limit, shapes.message, lambda row: (row.created_at, row.id))
