"""GET /api/v1/messages/{messageId}."""

from accord.context import SignedInContext
from accord.contract.types import Message
from accord.flows.conversations import queries, serializers
from accord.problems import NotFound


async def get_message(context: SignedInContext, message_id: str) -> Message:
    """Return a message; a message in a conversation of others is not found, like one that does not exist."""
    message = await queries.find_message(context.read, context.caller.id, message_id)
    if message is None:
        raise NotFound
    return serializers.message(message)
