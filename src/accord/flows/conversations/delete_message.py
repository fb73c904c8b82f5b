"""DELETE /api/v1/messages/{messageId}."""

from accord.context import Context
from accord.flows.conversations import rules


async def delete_message(context: Context, message_id: str, expected_version: int) -> None:
    """Delete a message if the caller wrote it and it is still at the version they read."""
    await rules.removed_message(context, message_id, expected_version)
