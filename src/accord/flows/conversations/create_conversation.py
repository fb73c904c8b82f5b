"""POST /api/v1/conversations."""

from accord.context import SignedInContext
from accord.contract.types import Conversation, CreateConversation
from accord.flows.conversations import rules, serializers


async def create_conversation(context: SignedInContext, body: CreateConversation) -> Conversation:
    """Begin a conversation of the caller and those whom they name."""
    created = await rules.started_conversation(context, context.new_id(), body)
    return serializers.conversation(created)
