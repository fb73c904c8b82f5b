"""Conversations with their members, and messages."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY

from accord.database.schema import id_column, metadata, timestamp, version

conversations = Table(
    "conversations",
    metadata,
    id_column(),
    Column("title", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("pinned_message_ids", ARRAY(Uuid), nullable=False, server_default=text("'{}'")),
    # The members are in the row, so that the statement that compares the version also decides on access.
    Column("member_ids", ARRAY(Uuid), nullable=False),
    timestamp("archived_at", nullable=True),
    timestamp("deleted_at", nullable=True),
    Column("created_by", Uuid, ForeignKey("users.id"), nullable=False, index=True),
    timestamp("created_at"),
    timestamp("updated_at"),
    version(),
)


class ConversationRow(NamedTuple):
    """A row of `conversations`."""

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


# The same members, in the order in which the list of conversations of an account is read.
conversation_members = Table(
    "conversation_members",
    metadata,
    Column("conversation_id", Uuid, ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", Uuid, ForeignKey("users.id"), primary_key=True),
    timestamp("joined_at"),
    Index(None, "user_id", "joined_at", "conversation_id"),
)

messages = Table(
    "messages",
    metadata,
    id_column(),
    Column("conversation_id", Uuid, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("author_id", Uuid, ForeignKey("users.id"), nullable=False, index=True),
    Column("text", Text, nullable=False),
    timestamp("deleted_at", nullable=True),
    timestamp("created_at"),
    timestamp("updated_at"),
    version(),
    Index(
        "messages_conversation_id_idx",
        "conversation_id",
        "created_at",
        "id",
        postgresql_where=text("deleted_at IS NULL"),
    ),
)


class MessageRow(NamedTuple):
    """A row of `messages`."""

    id: UUID
    conversation_id: UUID
    author_id: UUID
    text: str
    deleted_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
