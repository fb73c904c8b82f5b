"""DELETE /api/v1/messages/{messageId}."""

from accord.context import SignedInContext
from accord.flows.conversations import queries, rules


async def delete_message(context: SignedInContext, message_id: str, expected_version: int) -> None:
    """Delete a message and its text if the caller wrote it, and the message is at the version that the caller read."""
    caller_id, now = context.caller.id, context.now()
    changes = {"deleted_at": now, "text": ""}

    deleted = await queries.save_message_if_version_is(
        context.tx, caller_id, message_id, expected_version, changes, now
    )

    if deleted is None:
        raise await rules.why_message_was_not_saved(context, message_id, expected_version)
    context.journal.deleted("messages", deleted, rules.lists_of_message(deleted))
