"""PATCH /api/v1/messages/{messageId}."""

from accord.context import SignedInContext
from accord.contract.types import Message, UpdateMessage
from accord.flows.conversations import queries, rules, serializers


async def update_message(context: SignedInContext, message_id: str, body: UpdateMessage) -> Message:
    """Save another text if the caller wrote the message, and it is still at the version that the caller read."""
    expected, changes = body["expectedVersion"], {"text": body["text"]}

    saved = await queries.save_message_if_version_is(
        context.tx, context.caller.id, message_id, expected, changes, context.now()
    )

    if saved is None:
        raise await rules.why_message_was_not_saved(context, message_id, expected)
    context.journal.updated("messages", saved, changes, rules.lists_of_message(saved))
    return serializers.message(saved)
