"""GET /api/v1/messages/{messageId}."""

from accord.context import Context
from accord.contract.types import Message
from accord.flows.conversations import rules, serializers


async def get_message(context: Context, message_id: str) -> Message:
    """Answer with a message of a conversation that the caller is a member of."""
    return serializers.message(await rules.readable_message(context, message_id))
