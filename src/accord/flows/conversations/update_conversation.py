"""PATCH /api/v1/conversations/{conversationId}."""

from accord.context import SignedInContext
from accord.contract.types import Conversation, UpdateConversation
from accord.flows.conversations import rules, serializers


async def update_conversation(context: SignedInContext, conversation_id: str, body: UpdateConversation) -> Conversation:
    """Save a member's changes if the conversation is still at the version that the member read."""
    changes = serializers.changed_columns(body, context.now())

    saved = await rules.saved_conversation(context, conversation_id, body["expectedVersion"], changes)

    context.journal.updated("conversations", saved, changes, rules.lists_of_conversation(saved))
    return serializers.conversation(saved)
