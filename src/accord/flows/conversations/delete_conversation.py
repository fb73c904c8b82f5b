"""DELETE /api/v1/conversations/{conversationId}."""

from accord.context import Context
from accord.flows.conversations import rules
from accord.problems import Forbidden


async def delete_conversation(context: Context, conversation_id: str, expected_version: int) -> None:
    """Delete a conversation that the caller began if it is still at the version they read."""
    found = await rules.readable_conversation(context, conversation_id)
    if str(found.created_by) != context.caller.id:
        raise Forbidden("Only who began a conversation deletes it. You may leave it.")
    await rules.removed_conversation(context, found.id, expected_version)
