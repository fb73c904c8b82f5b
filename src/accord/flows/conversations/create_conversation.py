"""POST /api/v1/conversations."""

from accord.context import Context
from accord.contract.types import Conversation, CreateConversation
from accord.flows.conversations import rules, serializers


async def create_conversation(context: Context, body: CreateConversation) -> Conversation:
    """Begin a conversation of the caller and those whom they name."""
    created = await rules.started_conversation(context, context.new_id(), body)
    return serializers.conversation(created)
