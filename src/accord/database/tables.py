"""Tables that belong to no domain: the journal, and the exact rate limits."""

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

from accord.database.schema import metadata, moment


class TransactionId(UserDefinedType[str]):
    """PostgreSQL's `xid8`: compared with a snapshot's horizon, it tells which entries can no longer be overtaken."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Return the type's name in SQL."""
        return "xid8"


journal = Table(
    "journal",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", moment("at").type, nullable=False, server_default=text("clock_timestamp()")),
    Column("transaction_id", TransactionId, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("request_id", Text, nullable=False),
    Column("actor_kind", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("organisation_id", Uuid),
    Column("operation", Text, nullable=False),
    Column("record_table", Text, nullable=False),
    Column("record_id", Uuid, nullable=False),
    Column("record_version", BigInteger),
    Column("kind", Text, nullable=False),
    Column("fields", JSONB, nullable=False),
    Index(None, "record_table", "record_id"),
    Index(None, "actor_id"),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("bucket", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    moment("resets_at"),
)
