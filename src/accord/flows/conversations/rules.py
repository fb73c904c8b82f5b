"""The rules of conversations and messages, for every operation that changes them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from accord.context import SignedIn, SignedInContext
from accord.contract.records import ListKey
from accord.database.reader import Reader
from accord.database.transaction import Transaction
from accord.flows.conversations import queries
from accord.flows.conversations.problems import ConversationFull, UnknownMember
from accord.flows.conversations.tables import ConversationRow, MessageRow
from accord.problems import AlreadyExists, Forbidden, NotFound, Problem, VersionConflict

MAX_MEMBERS = 100


def lists_of_conversation(conversation: ConversationRow) -> list[str]:
    """Return the live keys of the lists that a conversation is in: the lists of its members."""
    return [str(ListKey(str(member_id), "conversations")) for member_id in conversation.member_ids]


def lists_of_message(message: MessageRow) -> list[str]:
    """Return the live key of the list that a message is in: the list of its conversation."""
    return [messages_of(message.conversation_id)]


def messages_of(conversation_id: UUID) -> str:
    """Return the live key of the list of messages of a conversation."""
    return str(ListKey(str(conversation_id), "messages"))


async def readable_conversation(context: SignedInContext, conversation_id: str) -> ConversationRow:
    """Return the conversation; without membership the conversation is not found, like one that does not exist."""
    conversation = await queries.find(context.read, context.caller.id, conversation_id)
    if conversation is None:
        raise NotFound
    return conversation


async def conversation_at(context: SignedInContext, conversation_id: str, expected: int) -> ConversationRow:
    """Return the conversation at this version, so that the rules check the row that the statement then changes."""
    conversation = await readable_conversation(context, conversation_id)
    if conversation.version != expected:
        raise VersionConflict(conversation.version, expected, table="conversations")
    return conversation


async def saved_conversation(
    context: SignedInContext, conversation_id: UUID | str, expected: int, changes: Mapping[str, Any]
) -> ConversationRow:
    """Save the changes if the conversation is still at this version and the caller is still a member."""
    caller_id = context.caller.id
    saved = await queries.save_if_version_is(context.tx, caller_id, conversation_id, expected, changes, context.now())
    if saved is None:
        current = await queries.find(context.tx, caller_id, conversation_id)
        raise NotFound if current is None else VersionConflict(current.version, expected, table="conversations")
    return saved


async def started_conversation(
    context: SignedInContext, conversation_id: UUID, fields: Mapping[str, Any]
) -> ConversationRow:
    """Insert a new conversation of the caller and of the accounts in memberIds."""
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
        # The id belongs to a record that the caller may not read; the id of a readable one is rejected earlier.
        raise NotFound
    await queries.list_for_members(context.tx, created.id, members, now)
    context.journal.created("conversations", created, values, lists_of_conversation(created))
    return created


async def require_accounts(context: SignedInContext, ids: Sequence[UUID], field: str) -> None:
    """Raise UnknownMember when an account does not exist; `field` is the field of the request that names the ids."""
    if set(ids) - await queries.accounts_that_exist(context.tx, ids):
        raise UnknownMember(field)


def require_place(conversation: ConversationRow, user_id: UUID) -> None:
    """Raise AlreadyExists for an account that is a member, and ConversationFull when the conversation is full."""
    if user_id in conversation.member_ids:
        raise AlreadyExists("Nothing was changed. This account is a member already.")
    if len(conversation.member_ids) >= MAX_MEMBERS:
        raise ConversationFull


def may_remove(caller_id: UUID, conversation: ConversationRow, user_id: UUID) -> bool:
    """Return whether the caller may remove a member: members remove themselves, the creator removes any member."""
    return caller_id in (user_id, conversation.created_by)


async def readable_conversations(read: Reader, caller: SignedIn, ids: Sequence[str]) -> list[ConversationRow]:
    """Return the named conversations that the caller is a member of, for flows that read many records at once."""
    return await queries.find_all(read, caller.id, ids)


async def writable_conversations(tx: Transaction, caller: SignedIn, ids: Sequence[str]) -> list[ConversationRow]:
    """Return the named conversations that the caller is a member of, locked, for record transactions."""
    return await queries.lock_all(tx, caller.id, ids)


async def written_message(context: SignedInContext, message_id: UUID, fields: Mapping[str, Any]) -> MessageRow:
    """Insert a new message of the caller into the conversation that the fields name."""
    now = context.now()
    values = {"id": message_id, "conversation_id": fields["conversationId"], "author_id": context.caller.id}
    values |= {"text": fields["text"], "created_at": now, "updated_at": now}
    created = await queries.add_message_if_member(context.tx, values)
    if created is None:
        raise NotFound
    context.journal.created("messages", created, values, lists_of_message(created))
    return created


async def readable_messages(read: Reader, caller: SignedIn, ids: Sequence[str]) -> list[MessageRow]:
    """Return the named messages in conversations of the caller, for flows that read many records at once."""
    return await queries.find_all_messages(read, caller.id, ids)


async def writable_messages(tx: Transaction, caller: SignedIn, ids: Sequence[str]) -> list[MessageRow]:
    """Return the named messages that the caller wrote and may still read, locked, for record transactions."""
    return await queries.lock_all_own_messages(tx, caller.id, ids)


async def why_message_was_not_saved(context: SignedInContext, message_id: str, expected: int) -> Problem:
    """Return the problem for a message whose version, author or conversation is not what a change requires."""
    message = await queries.find_message(context.tx, context.caller.id, message_id)
    if message is None:
        return NotFound()
    if str(message.author_id) != context.caller.id:
        return Forbidden("Only its author changes a message.")
    return VersionConflict(message.version, expected, table="messages")
