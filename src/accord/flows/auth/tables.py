"""Sessions with their refresh tokens, and failed sign-ins."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid, func, text

from accord.database.schema import id_column, metadata, timestamp

sessions = Table(
    "sessions",
    metadata,
    id_column(),
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("current_token_hash", LargeBinary, nullable=False),
    # The newest refresh token that came with an access token in use, and the time of the first use.
    Column("used_token_hash", LargeBinary),
    timestamp("token_used_at", nullable=True),
    timestamp("created_at"),
    timestamp("last_active_at"),
    timestamp("expires_at"),
    timestamp("ended_at", nullable=True),
    Index("sessions_ended_at_idx", "ended_at"),
    # Ended sessions stay for weeks, and signing in must not read them.
    Index("sessions_live_idx", "user_id", postgresql_where=text("ended_at IS NULL")),
)


class SessionRow(NamedTuple):
    """A row of `sessions`."""

    id: UUID
    user_id: UUID
    address: str
    user_agent: str
    current_token_hash: bytes
    used_token_hash: bytes | None
    token_used_at: datetime | None
    created_at: datetime
    last_active_at: datetime
    expires_at: datetime
    ended_at: datetime | None


# The latest time at which a session was over; LEAST ignores NULL. Idleness is left out, because its limit is a setting
# that may be raised; an idle session outlives that limit by no more than REFRESH_TOKEN_TTL seconds.
over_at = func.least(sessions.c.ended_at, sessions.c.expires_at, type_=sessions.c.expires_at.type)
Index("sessions_over_at_idx", over_at)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("session_id", Uuid, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    timestamp("rotated_at", nullable=True),
    Column("successor_hash", LargeBinary),
    Column("masked_successor", LargeBinary),
    Column("repeats", Integer, nullable=False, server_default="0"),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("identifier_hash", LargeBinary, primary_key=True),
    Column("count", Integer, nullable=False),
    timestamp("since"),
    timestamp("locked_until", nullable=True),
    Index("login_failures_since_idx", "since"),
)


class LiveSession(NamedTuple):
    """A session in force: the id and the role of its user, and the hashes of its refresh tokens."""

    id: UUID
    role: str
    current_token_hash: bytes
    used_token_hash: bytes | None


class PresentedToken(NamedTuple):
    """A refresh token with its session.

    `used_for` is the seconds since the first use of an access token that came with the session's newest refresh token;
    None when no such access token was used.
    """

    token_hash: bytes
    session_id: UUID
    rotated_at: datetime | None
    successor_hash: bytes | None
    masked_successor: bytes | None
    repeats: int
    user_id: UUID
    current_token_hash: bytes
    last_active_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    used_for: float | None


class Failures(NamedTuple):
    """The count of failed sign-ins of an identifier, and the time until which they lock it."""

    failures: int
    locked_until: datetime | None
