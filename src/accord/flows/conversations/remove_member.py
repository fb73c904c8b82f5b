"""DELETE /api/v1/conversations/{conversationId}/members/{userId}."""

from uuid import UUID

from accord.context import SignedInContext
from accord.contract.types import Conversation
from accord.flows.conversations import queries, rules, serializers
from accord.problems import Forbidden, NotFound


async def remove_member(
    context: SignedInContext, conversation_id: str, user_id: str, expected_version: int
) -> Conversation:
    """Remove a member if the conversation is at the version that the caller read; their access ends with that."""
    leaving = UUID(user_id)
    conversation = await rules.conversation_at(context, conversation_id, expected_version)
    if leaving not in conversation.member_ids:
        raise NotFound
    if not rules.may_remove(UUID(context.caller.id), conversation, leaving):
        raise Forbidden("Only who began a conversation removes others from it.")
    changes = {"member_ids": [member_id for member_id in conversation.member_ids if member_id != leaving]}

    saved = await rules.saved_conversation(context, conversation.id, expected_version, changes)

    await queries.unlist_for_members(context.tx, saved.id, [leaving])
    context.journal.updated("conversations", saved, changes, rules.lists_of_conversation(conversation))
    removed = {"event": "access removed", "userId": str(leaving)}
    context.journal.event("conversations", saved.id, removed, [rules.messages_of(saved.id)])
    return serializers.conversation(saved)
