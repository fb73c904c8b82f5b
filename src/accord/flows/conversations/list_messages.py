"""GET /api/v1/conversations/{conversationId}/messages."""

from accord.context import SignedInContext
from accord.contract.types import MessageList
from accord.flows.conversations import queries, rules, serializers


async def list_messages(context: SignedInContext, conversation_id: str, limit: int, cursor: str | None) -> MessageList:
    """Return a page of the messages of a conversation, newest first."""
    listing, caller_id = context.listing(conversation=conversation_id), context.caller.id
    rows = await queries.page_of_messages_if_member(
        context.read, caller_id, conversation_id, listing.after(cursor), limit + 1
    )
    if not rows:
        await rules.readable_conversation(context, conversation_id)
    return listing.page(rows, limit, serializers.message, lambda row: (row.created_at, row.id))
