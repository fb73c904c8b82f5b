"""Accounts, and the hash of the setup token that creates the first of them."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, LargeBinary, Table, Text, Uuid, text

from accord.database.schema import id_column, metadata, timestamp, version

users = Table(
    "users",
    metadata,
    id_column(),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("first_name", Text, nullable=False),
    Column("last_name", Text, nullable=False),
    Column("role", Text, nullable=False),
    timestamp("email_verified_at", nullable=True),
    timestamp("disabled_at", nullable=True),
    timestamp("deleted_at", nullable=True),
    Column("created_by", Uuid, ForeignKey("users.id")),
    timestamp("created_at"),
    timestamp("updated_at"),
    version(),
    CheckConstraint("role IN ('root', 'admin', 'customer')", name="role"),
    # The address of a deleted account can be used again.
    Index("users_email_key_key", "email_key", unique=True, postgresql_where=text("deleted_at IS NULL")),
    Index(None, "created_at", "id"),
)


class UserRow(NamedTuple):
    """A row of `users`."""

    id: UUID
    email: str
    email_key: str
    password_hash: str
    first_name: str
    last_name: str
    role: str
    email_verified_at: datetime | None
    disabled_at: datetime | None
    deleted_at: datetime | None
    created_by: UUID | None
    created_at: datetime
    updated_at: datetime
    version: int


setup_tokens = Table(
    "setup_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    timestamp("created_at"),
)
