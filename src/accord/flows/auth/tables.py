"""Sessions with their refresh tokens, and failed sign-ins."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid, func, text

from accord.database.schema import identity, metadata, moment

sessions = Table(
    "sessions",
    metadata,
    identity(),
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("current_token_hash", LargeBinary, nullable=False),
    # The last refresh token of which an access token was used, and when that was first.
    Column("used_token_hash", LargeBinary),
    moment("token_used_at", nullable=True),
    moment("created_at"),
    moment("last_active_at"),
    moment("expires_at"),
    moment("ended_at", nullable=True),
    Index("sessions_ended_at_idx", "ended_at"),
    # Those that ended stay for weeks, and signing in must not read them.
    Index("sessions_live_idx", "user_id", postgresql_where=text("ended_at IS NULL")),
)
# When a session was over at the latest: LEAST passes over NULL. Idleness is left out, because how long is too long is a
# setting that may be raised; a session that is idle outlives that by no more than REFRESH_TOKEN_TTL.
over_at = func.least(sessions.c.ended_at, sessions.c.expires_at, type_=sessions.c.expires_at.type)
Index("sessions_over_at_idx", over_at)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("session_id", Uuid, ForeignKey("sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    moment("rotated_at", nullable=True),
    Column("successor_hash", LargeBinary),
    Column("masked_successor", LargeBinary),
    Column("repeats", Integer, nullable=False, server_default="0"),
)

login_failures = Table(
    "login_failures",
    metadata,
    Column("identifier_hash", LargeBinary, primary_key=True),
    Column("count", Integer, nullable=False),
    moment("since"),
    moment("locked_until", nullable=True),
    Index("login_failures_since_idx", "since"),
)
