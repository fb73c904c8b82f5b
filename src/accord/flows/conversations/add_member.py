"""POST /api/v1/conversations/{conversationId}/members."""

from uuid import UUID

from accord.context import SignedInContext
from accord.contract.types import AddMember, Conversation
from accord.flows.conversations import queries, rules, serializers


async def add_member(context: SignedInContext, conversation_id: str, body: AddMember) -> Conversation:
    """Add an account to the members if the conversation is still at the version that the caller read."""
    user_id, expected = UUID(body["userId"]), body["expectedVersion"]
    conversation = await rules.conversation_at(context, conversation_id, expected)
    rules.require_place(conversation, user_id)
    await rules.require_accounts(context, [user_id], "userId")
    changes = {"member_ids": [*conversation.member_ids, user_id]}

    saved = await rules.saved_conversation(context, conversation.id, expected, changes)

    await queries.list_for_members(context.tx, saved.id, [user_id], context.now())
    context.journal.updated("conversations", saved, changes, rules.lists_of_conversation(saved))
    return serializers.conversation(saved)
