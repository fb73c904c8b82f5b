"""POST /api/v1/conversations/{conversationId}/messages."""

from accord.context import SignedInContext
from accord.contract.types import CreateMessage, Message
from accord.flows.conversations import rules, serializers


async def create_message(context: SignedInContext, conversation_id: str, body: CreateMessage) -> Message:
    """Write a message in a conversation that the caller is a member of."""
    fields = {"conversationId": conversation_id, "text": body["text"]}
    return serializers.message(await rules.written_message(context, context.new_id(), fields))
