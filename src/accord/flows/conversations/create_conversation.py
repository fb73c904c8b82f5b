"""POST /api/v1/conversations."""

from accord.context import SignedInContext
from accord.contract.types import Conversation, CreateConversation
from accord.flows.conversations import rules, serializers


async def create_conversation(context: SignedInContext, body: CreateConversation) -> Conversation:
    """Create a conversation of the caller and the accounts that the request names."""
    created = await rules.started_conversation(context, context.new_id(), body)
    return serializers.conversation(created)
