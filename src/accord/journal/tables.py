"""The journal, what its sequencer adds to it, and what is signed of it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from accord.database.schema import TransactionId, metadata, timestamp

journal = Table(
    "journal",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", timestamp("at").type, primary_key=True, server_default=text("clock_timestamp()")),
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
    # The lists that the change moves something in, out of, or within: `getList:{ownerId}:{listType}`.
    Column("list_keys", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Index(None, "transaction_id"),
    Index(None, "record_table", "record_id"),
    Index(None, "actor_id"),
    postgresql_partition_by="RANGE (at)",
)

# Entries are never updated, so what the sequencer adds to them stands beside them.
journal_positions = Table(
    "journal_positions",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False, unique=True),
    Column("entry_at", timestamp("at").type, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("sequenced_at", timestamp("at").type, nullable=False, server_default=text("clock_timestamp()")),
)

journal_sequencer = Table(
    "journal_sequencer",
    metadata,
    Column("singleton", Boolean, primary_key=True, server_default=text("true")),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    # Below this transaction everything is sequenced that this database wrote itself.
    Column("low_transaction_id", TransactionId, nullable=False),
    # The transaction that wrote this row, noted by a trigger of updates: a row that a restore wrote has another.
    Column("written_by", TransactionId, nullable=False, server_default="0"),
    # The entries that came by a restore: up to the last, and from the next on some may be without position.
    Column("next_restored_id", BigInteger, nullable=False, server_default="1"),
    Column("last_restored_id", BigInteger, nullable=False, server_default="0"),
    # Who leads, and until when by the clock of the database.
    Column("leader", Text, nullable=False, server_default=""),
    Column("leads_until", timestamp("at").type, nullable=False, server_default="-infinity"),
    CheckConstraint("singleton", name="singleton"),
)

# Where the journal has been: each cluster that a sequencer found it in, and each restore.
journal_clusters = Table(
    "journal_clusters",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("after_position", BigInteger, nullable=False),
    Column("system_identifier", Text, nullable=False),
    Column("timeline", BigInteger, nullable=False),
    Column("database", BigInteger, nullable=False),
    Column("restored", Boolean, nullable=False),
    Column("noticed_at", timestamp("at").type, nullable=False, server_default=text("clock_timestamp()")),
)

journal_checkpoints = Table(
    "journal_checkpoints",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
    # What stands up to here was pruned, and is vouched for by this signature alone.
    Column("pruned", Boolean, nullable=False),
    timestamp("signed_at"),
    Column("key_id", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

# What a key of the journal says of one before it: checkpoints that this signed are good up to a position.
journal_keys = Table(
    "journal_keys",
    metadata,
    Column("public_key", LargeBinary, primary_key=True),
    Column("until", BigInteger, nullable=False),
    Column("signed_by", Text, primary_key=True),
    Column("signature", LargeBinary, nullable=False),
)
