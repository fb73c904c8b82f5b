"""GET /api/v1/conversations/{conversationId}."""

from accord.context import SignedInContext
from accord.contract.types import Conversation
from accord.flows.conversations import rules, serializers


async def get_conversation(context: SignedInContext, conversation_id: str) -> Conversation:
    """Return a conversation that the caller is a member of."""
    return serializers.conversation(await rules.readable_conversation(context, conversation_id))
