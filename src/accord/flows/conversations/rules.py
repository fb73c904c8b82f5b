"""What must hold of conversations and messages, whichever operation changes them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from accord.context import Caller, Context
from accord.database.reader import Reader
from accord.database.transaction import Transaction
from accord.flows.conversations import queries
from accord.flows.conversations.problems import ConversationFull, UnknownMember
from accord.problems import AlreadyExists, Forbidden, NotFound, Problem, VersionConflict

MOST_MEMBERS = 100


def lists_of(member_ids: Sequence[UUID]) -> list[str]:
    """Return the keys of the lists that a conversation with these members is in."""
    return [f"getList:{member_id}:conversations" for member_id in member_ids]


def messages_of(conversation_id: UUID) -> str:
    """Return the key of the list of messages that a conversation has."""
    return f"getList:{conversation_id}:messages"


async def readable_conversation(context: Context, conversation_id: str) -> Any:
    """Return the conversation; one that the caller is no member of is not found, like one that does not exist."""
    found = await queries.find(context.read, context.caller.id, conversation_id)
    if found is None:
        raise NotFound
    return found


async def conversation_at(context: Context, conversation_id: str, expected: int) -> Any:
    """Return the conversation at the version that was read: what is judged is then what the one statement changes."""
    found = await readable_conversation(context, conversation_id)
    if found.version != expected:
        raise VersionConflict(found.version, expected, table="conversations")
    return found


async def saved_conversation(
    context: Context, conversation_id: UUID | str, expected: int, changes: Mapping[str, Any]
) -> Any:
    """Save the changes if the conversation is still at that version and the caller still a member."""
    caller_id = context.caller.id
    saved = await queries.save_if_version_is(context.tx, caller_id, conversation_id, expected, changes, context.now())
    if saved is None:
        found = await queries.find(context.tx, caller_id, conversation_id)
        raise NotFound if found is None else VersionConflict(found.version, expected, table="conversations")
    return saved


async def started_conversation(context: Context, conversation_id: UUID, fields: Mapping[str, Any]) -> Any:
    """Write a new conversation of the caller and of those named in memberIds."""
    now, caller_id = context.now(), UUID(context.caller.id)
    others = [UUID(member_id) for member_id in fields.get("memberIds", [])]
    members = list(dict.fromkeys([caller_id, *others]))
    await require_accounts(context, members, "memberIds")
    values = {
        "id": conversation_id,
        "title": fields["title"],
        "tags": fields.get("tags", []),
        "pinned_message_ids": fields.get("pinnedMessageIds", []),
        "member_ids": members,
        "archived_at": fields.get("archivedAt"),
        "created_by": caller_id,
        "created_at": now,
        "updated_at": now,
    }
    created = await queries.add(context.tx, values)
    if created is None:
        # Of a record that the caller may not even read: an id of theirs is refused before.
        raise NotFound
    await queries.list_for_members(context.tx, created.id, members, now)
    context.journal.created("conversations", created, values, lists_of(members))
    return created


async def require_accounts(context: Context, ids: Sequence[UUID], field: str) -> None:
    """Refuse to let somebody in who does not exist; `field` named them."""
    if set(ids) - await queries.accounts_that_exist(context.tx, ids):
        raise UnknownMember(field)


def require_place(conversation: Any, user_id: UUID) -> None:
    """Refuse a member who is there already, and one too many."""
    if user_id in conversation.member_ids:
        raise AlreadyExists("Nothing was changed. This account is a member already.")
    if len(conversation.member_ids) >= MOST_MEMBERS:
        raise ConversationFull


def may_remove(caller_id: UUID, conversation: Any, user_id: UUID) -> bool:
    """Members remove themselves; who began the conversation removes anybody."""
    return caller_id in (user_id, conversation.created_by)


async def removed_conversation(context: Context, found: Any, expected: int) -> None:
    """Delete the conversation, if the caller began it, and take it out of everybody's list."""
    if str(found.created_by) != context.caller.id:
        raise Forbidden("Only who began a conversation deletes it. You may leave it.")
    gone = await saved_conversation(context, found.id, expected, {"deleted_at": context.now()})
    await queries.unlist_for_members(context.tx, gone.id, gone.member_ids)
    context.journal.deleted("conversations", gone, [*lists_of(gone.member_ids), messages_of(gone.id)])


async def readable_conversations(read: Reader, caller: Caller, ids: Sequence[str]) -> list[Any]:
    """Return those that the caller is a member of, for whoever reads many records at once."""
    return await queries.find_all(read, caller.id, ids)


async def writable_conversations(tx: Transaction, caller: Caller, ids: Sequence[str]) -> list[Any]:
    """Return those that the caller is a member of, locked, for transactions."""
    return await queries.lock_all(tx, caller.id, ids)


async def create_in_conversations(context: Context, record_id: UUID, fields: Mapping[str, Any]) -> None:
    """Create one as part of a transaction."""
    await started_conversation(context, record_id, fields)


async def delete_from_conversations(context: Context, row: Any) -> None:
    """Delete one as part of a transaction."""
    await removed_conversation(context, row, row.version)


def lists_of_conversations(row: Any) -> list[str]:
    """Return the keys of the lists that it is in."""
    return lists_of(row.member_ids)


async def readable_message(context: Context, message_id: str) -> Any:
    """Return the message; one in a conversation of others is not found, like one that does not exist."""
    found = await queries.find_message(context.read, context.caller.id, message_id)
    if found is None:
        raise NotFound
    return found


async def written_message(context: Context, message_id: UUID, conversation_id: str, text: str) -> Any:
    """Write a new message of the caller."""
    now = context.now()
    values = {"id": message_id, "conversation_id": conversation_id, "author_id": context.caller.id}
    values |= {"text": text, "created_at": now, "updated_at": now}
    created = await queries.add_message_if_member(context.tx, values)
    if created is None:
        raise NotFound
    context.journal.created("messages", created, values, [messages_of(created.conversation_id)])
    return created


async def removed_message(context: Context, message_id: UUID | str, expected: int) -> None:
    """Delete a message of the caller, and what it said with it."""
    changes = {"deleted_at": context.now(), "text": ""}
    gone = await queries.save_message_if_version_is(
        context.tx, context.caller.id, message_id, expected, changes, context.now()
    )
    if gone is None:
        raise await refusal_of_message(context, message_id, expected)
    context.journal.deleted("messages", gone, [messages_of(gone.conversation_id)])


async def readable_messages(read: Reader, caller: Caller, ids: Sequence[str]) -> list[Any]:
    """Return those in conversations of the caller, for whoever reads many records at once."""
    return await queries.find_all_messages(read, caller.id, ids)


async def writable_messages(tx: Transaction, caller: Caller, ids: Sequence[str]) -> list[Any]:
    """Return those that the caller wrote and may still read, locked, for transactions."""
    return await queries.lock_all_own_messages(tx, caller.id, ids)


async def create_in_messages(context: Context, record_id: UUID, fields: Mapping[str, Any]) -> None:
    """Create one as part of a transaction."""
    await written_message(context, record_id, fields["conversationId"], fields["text"])


async def delete_from_messages(context: Context, row: Any) -> None:
    """Delete one as part of a transaction."""
    await removed_message(context, row.id, row.version)


def lists_of_messages(row: Any) -> list[str]:
    """Return the key under which its conversation's members follow it."""
    return [messages_of(row.conversation_id)]


async def refusal_of_message(context: Context, message_id: UUID | str, expected: int) -> Problem:
    """Return why a message was not saved."""
    found = await queries.find_message(context.tx, context.caller.id, message_id)
    if found is None:
        return NotFound()
    if str(found.author_id) != context.caller.id:
        return Forbidden("Only its author changes a message.")
    return VersionConflict(found.version, expected, table="messages")
