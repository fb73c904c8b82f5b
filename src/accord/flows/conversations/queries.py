"""The statements of the conversations domain: one per function, the condition in the name."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Uuid, bindparam, delete, func, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from accord.database.reader import Reader
from accord.database.schema import new_columns
from accord.database.statement import Statement
from accord.database.transaction import Transaction
from accord.flows.accounts.tables import users
from accord.flows.conversations.tables import (
    ConversationRow,
    MessageRow,
    conversation_members,
    conversations,
    messages,
)

Id = UUID | str


class ListedConversation(NamedTuple):
    """A conversation in the list of a member, and the time at which that member joined."""

    id: UUID
    title: str
    tags: list[str]
    pinned_message_ids: list[UUID]
    member_ids: list[UUID]
    archived_at: datetime | None
    deleted_at: datetime | None
    created_by: UUID
    created_at: datetime
    updated_at: datetime
    version: int
    joined_at: datetime


class _Id(NamedTuple):
    id: UUID


_caller = bindparam("caller_id", type_=Uuid())
_ids = bindparam("ids", type_=ARRAY(Uuid))
_is_member: ColumnElement[bool] = _caller == func.any(conversations.c.member_ids)
_open = conversations.c.deleted_at.is_(None) & _is_member
_readable = select(conversations).where(_open)
_readable_messages = (
    select(messages)
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(messages.c.deleted_at.is_(None), _open)
)
_new_conversation = new_columns(conversations, unset=("deleted_at",))


async def find(read: Reader, caller_id: Id, conversation_id: Id) -> ConversationRow | None:
    """Return the conversation if the caller is a member, or None."""
    return await read.one(_FIND, caller_id=caller_id, conversation_id=conversation_id)


async def find_all(read: Reader, caller_id: Id, ids: Sequence[Id]) -> list[ConversationRow]:
    """Return the named conversations that the caller is a member of."""
    return await read.all(_FIND_ALL, caller_id=caller_id, ids=list(ids))


async def lock_all(tx: Transaction, caller_id: Id, ids: Sequence[Id]) -> list[ConversationRow]:
    """Return the named conversations that the caller is a member of, locked in one order to prevent deadlocks."""
    return await tx.all(_LOCK_ALL, caller_id=caller_id, ids=list(ids))


_FIND = Statement(_readable.where(conversations.c.id == bindparam("conversation_id")), ConversationRow)
_FIND_ALL = Statement(_readable.where(conversations.c.id == func.any(_ids)), ConversationRow)
_LOCK_ALL = Statement(
    _readable.where(conversations.c.id == func.any(_ids)).order_by(conversations.c.id).with_for_update(key_share=True),
    ConversationRow,
)


async def page(read: Reader, caller_id: Id, after: Sequence[Any] | None, limit: int) -> list[ListedConversation]:
    """Return the caller's conversations, the last joined first; `after` is `joined_at` and id of the last shown."""
    if after is None:
        return await read.all(_FIRST_PAGE, caller_id=caller_id, limit=limit)
    joined_at, last_id = after
    return await read.all(_NEXT_PAGE, caller_id=caller_id, limit=limit, joined_at=joined_at, last_id=last_id)


_mine = (
    select(conversations, conversation_members.c.joined_at)
    .join(conversation_members, conversation_members.c.conversation_id == conversations.c.id)
    .where(conversation_members.c.user_id == _caller)
    .order_by(conversation_members.c.joined_at.desc(), conversation_members.c.conversation_id.desc())
    .limit(bindparam("limit"))
)
_FIRST_PAGE = Statement(_mine, ListedConversation)
_NEXT_PAGE = Statement(
    _mine.where(
        tuple_(conversation_members.c.joined_at, conversation_members.c.conversation_id)
        < tuple_(
            bindparam("joined_at", type_=conversation_members.c.joined_at.type), bindparam("last_id", type_=Uuid())
        )
    ),
    ListedConversation,
)


async def add(tx: Transaction, values: Mapping[str, Any]) -> ConversationRow | None:
    """Return the new conversation, or None when its id is taken."""
    return await tx.one(_ADD, **values)


_ADD = Statement(
    insert(conversations)
    .values({name: bindparam(name) for name in _new_conversation})
    .on_conflict_do_nothing(index_elements=["id"])
    .returning(conversations),
    ConversationRow,
)


async def save_if_version_is(
    tx: Transaction, caller_id: Id, conversation_id: Id, version: int, changes: Mapping[str, Any], now: datetime
) -> ConversationRow | None:
    """Change the conversation in the statement that checks version and membership; return None when either differs."""
    statement = _save_if_version_is(tuple(sorted(changes)))
    return await tx.one(
        statement,
        caller_id=caller_id,
        conversation_id=conversation_id,
        expected_version=version,
        updated_at=now,
        **changes,
    )


@cache
def _save_if_version_is(names: tuple[str, ...]) -> Statement[ConversationRow]:
    changes = {name: bindparam(name) for name in (*names, "updated_at")}
    return Statement(
        update(conversations)
        .where(
            conversations.c.id == bindparam("conversation_id"),
            conversations.c.version == bindparam("expected_version"),
            _open,
        )
        .values(version=conversations.c.version + 1, **changes)
        .returning(conversations),
        ConversationRow,
    )


async def accounts_that_exist(tx: Transaction, ids: Sequence[Id]) -> set[UUID]:
    """Return the ids of the accounts that exist."""
    return {row.id for row in await tx.all(_ACCOUNTS, ids=list(ids))}


async def list_for_members(tx: Transaction, conversation_id: UUID, user_ids: Sequence[Id], now: datetime) -> None:
    """Put the conversation into the lists of these accounts."""
    await tx.run(_LIST_FOR_MEMBERS, conversation_id=conversation_id, user_ids=list(user_ids), joined_at=now)


async def unlist_for_members(tx: Transaction, conversation_id: UUID, user_ids: Sequence[Id]) -> None:
    """Take the conversation out of the lists of these accounts."""
    await tx.run(_UNLIST_FOR_MEMBERS, listed_id=conversation_id, user_ids=list(user_ids))


_ACCOUNTS = Statement(select(users.c.id).where(users.c.id == func.any(_ids), users.c.deleted_at.is_(None)), _Id)
_user_ids = bindparam("user_ids", type_=ARRAY(Uuid))
_LIST_FOR_MEMBERS = Statement(
    insert(conversation_members).from_select(
        ["conversation_id", "user_id", "joined_at"],
        select(
            bindparam("conversation_id", type_=Uuid()),
            func.unnest(_user_ids),
            bindparam("joined_at", type_=conversation_members.c.joined_at.type),
        ),
    )
)
_UNLIST_FOR_MEMBERS = Statement(
    delete(conversation_members).where(
        conversation_members.c.conversation_id == bindparam("listed_id", type_=Uuid()),
        conversation_members.c.user_id == func.any(_user_ids),
    )
)


async def find_message(read: Reader, caller_id: Id, message_id: Id) -> MessageRow | None:
    """Return the message if the caller is a member of its conversation, or None."""
    return await read.one(_FIND_MESSAGE, caller_id=caller_id, message_id=message_id)


async def find_all_messages(read: Reader, caller_id: Id, ids: Sequence[Id]) -> list[MessageRow]:
    """Return the named messages that the caller may read."""
    return await read.all(_FIND_ALL_MESSAGES, caller_id=caller_id, ids=list(ids))


async def lock_all_own_messages(tx: Transaction, caller_id: Id, ids: Sequence[Id]) -> list[MessageRow]:
    """Return the named messages that the caller wrote and may still read, locked in one order to prevent deadlocks."""
    return await tx.all(_LOCK_ALL_OWN_MESSAGES, caller_id=caller_id, ids=list(ids))


_FIND_MESSAGE = Statement(_readable_messages.where(messages.c.id == bindparam("message_id")), MessageRow)
_FIND_ALL_MESSAGES = Statement(_readable_messages.where(messages.c.id == func.any(_ids)), MessageRow)
_LOCK_ALL_OWN_MESSAGES = Statement(
    _readable_messages.where(messages.c.id == func.any(_ids), messages.c.author_id == _caller)
    .order_by(messages.c.id)
    .with_for_update(of=messages, key_share=True),
    MessageRow,
)


async def page_of_messages_if_member(
    read: Reader, caller_id: Id, conversation_id: Id, after: Sequence[Any] | None, limit: int
) -> list[MessageRow]:
    """Return messages, newest first; none unless the caller is a member. `after` is time and id of the last shown."""
    values = {"caller_id": caller_id, "conversation_id": conversation_id, "limit": limit}
    if after is None:
        return await read.all(_FIRST_MESSAGES, **values)
    at, last_id = after
    return await read.all(_NEXT_MESSAGES, at=at, last_id=last_id, **values)


_newest = (
    select(messages)
    .where(
        messages.c.conversation_id == bindparam("conversation_id"),
        messages.c.deleted_at.is_(None),
        # This condition does not depend on the message, so PostgreSQL checks it once.
        select(literal(1)).where(conversations.c.id == bindparam("conversation_id"), _open).exists(),
    )
    .order_by(messages.c.created_at.desc(), messages.c.id.desc())
    .limit(bindparam("limit"))
)
_FIRST_MESSAGES = Statement(_newest, MessageRow)
_NEXT_MESSAGES = Statement(
    _newest.where(
        tuple_(messages.c.created_at, messages.c.id)
        < tuple_(bindparam("at", type_=messages.c.created_at.type), bindparam("last_id", type_=Uuid()))
    ),
    MessageRow,
)


async def add_message_if_member(tx: Transaction, values: Mapping[str, Any]) -> MessageRow | None:
    """Return the new message, or None when its author is no member of the conversation, or its id is taken."""
    return await tx.one(_ADD_MESSAGE_IF_MEMBER, caller_id=values["author_id"], **values)


_new_message = new_columns(messages, unset=("deleted_at",))
_ADD_MESSAGE_IF_MEMBER = Statement(
    insert(messages)
    .from_select(
        _new_message,
        select(*(bindparam(name, type_=messages.c[name].type) for name in _new_message)).where(
            conversations.c.id == bindparam("conversation_id"), _open
        ),
    )
    .on_conflict_do_nothing(index_elements=["id"])
    .returning(messages),
    MessageRow,
)


async def save_message_if_version_is(
    tx: Transaction, caller_id: Id, message_id: Id, version: int, changes: Mapping[str, Any], now: datetime
) -> MessageRow | None:
    """Change the message in the statement that checks version, author and membership; None when any of them differs."""
    statement = _save_message_if_version_is(tuple(sorted(changes)))
    return await tx.one(
        statement, caller_id=caller_id, message_id=message_id, expected_version=version, updated_at=now, **changes
    )


@cache
def _save_message_if_version_is(names: tuple[str, ...]) -> Statement[MessageRow]:
    changes = {name: bindparam(name) for name in (*names, "updated_at")}
    return Statement(
        update(messages)
        .where(
            messages.c.id == bindparam("message_id"),
            messages.c.version == bindparam("expected_version"),
            messages.c.author_id == _caller,
            messages.c.deleted_at.is_(None),
            select(literal(1)).where(conversations.c.id == messages.c.conversation_id, _open).exists(),
        )
        .values(version=messages.c.version + 1, **changes)
        .returning(messages),
        MessageRow,
    )
