"""Idempotency keys, and the rate limits that all processes count together."""

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text

from accord.database.schema import metadata, timestamp

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("inputs_hash", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    # The JSON as it was written, so that a replay is the same to the byte.
    Column("data", LargeBinary, nullable=False),
    timestamp("created_at"),
    Index(None, "created_at"),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("bucket", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    timestamp("resets_at"),
)
