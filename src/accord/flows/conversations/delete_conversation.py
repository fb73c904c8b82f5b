"""DELETE /api/v1/conversations/{conversationId}."""

from accord.context import Context
from accord.flows.conversations import rules


async def delete_conversation(context: Context, conversation_id: str, expected_version: int) -> None:
    """Delete a conversation that the caller began if it is still at the version they read."""
    found = await rules.readable_conversation(context, conversation_id)
    await rules.removed_conversation(context, found, expected_version)
