"""DELETE /api/v1/conversations/{conversationId}."""

from accord.context import SignedInContext
from accord.flows.conversations import queries, rules
from accord.problems import Forbidden


async def delete_conversation(context: SignedInContext, conversation_id: str, expected_version: int) -> None:
    """Delete a conversation that the caller created, if it is still at the version that the caller read."""
    conversation = await rules.readable_conversation(context, conversation_id)
    if str(conversation.created_by) != context.caller.id:
        raise Forbidden("Only who began a conversation deletes it. You may leave it.")

    deleted = await rules.saved_conversation(context, conversation_id, expected_version, {"deleted_at": context.now()})

    await queries.unlist_for_members(context.tx, deleted.id, deleted.member_ids)
    lists = [*rules.lists_of_conversation(deleted), rules.messages_of(deleted.id)]
    context.journal.deleted("conversations", deleted, lists)
