"""The tables of the journal: entries, their positions, the sequencer's row, clusters, checkpoints and keys."""

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
    # The lists that the change moves a record into, out of, or within: `getList:{ownerId}:{listType}`.
    Column("list_keys", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Index(None, "transaction_id"),
    Index(None, "record_table", "record_id"),
    Index(None, "actor_id"),
    postgresql_partition_by="RANGE (at)",
)

# Entries are never updated, so the sequencer writes positions into a table of their own.
journal_positions = Table(
    "journal_positions",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False, unique=True),
    Column("entry_at", timestamp("at").type, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("sequenced_at", timestamp("at").type, nullable=False, server_default=text("clock_timestamp()")),
)

# The time of the entry tells PostgreSQL which partition it is in.
of_position = (journal.c.id == journal_positions.c.entry_id) & (journal.c.at == journal_positions.c.entry_at)

journal_sequencer = Table(
    "journal_sequencer",
    metadata,
    Column("singleton", Boolean, primary_key=True, server_default=text("true")),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    # All entries of transactions below this one are sequenced, except restored entries.
    Column("low_transaction_id", TransactionId, nullable=False),
    # The transaction that wrote this row, set by a trigger on updates; after a restore the two differ.
    Column("written_by", TransactionId, nullable=False, server_default="0"),
    # Restored entries have ids up to the last; from the next on, some may lack a position.
    Column("next_restored_id", BigInteger, nullable=False, server_default="1"),
    Column("last_restored_id", BigInteger, nullable=False, server_default="0"),
    # The process that leads, and until when by the clock of the database.
    Column("leader", Text, nullable=False, server_default=""),
    Column("leads_until", timestamp("at").type, nullable=False, server_default="-infinity"),
    CheckConstraint("singleton", name="singleton"),
)

# The clusters that a sequencer found the journal in, and each restore.
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
    # Whether the entries up to here were pruned; then this signature alone attests them.
    Column("pruned", Boolean, nullable=False),
    timestamp("signed_at"),
    Column("key_id", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

# Endorsements: a key of the journal says of an earlier key that its checkpoints count up to a position.
journal_keys = Table(
    "journal_keys",
    metadata,
    Column("public_key", LargeBinary, primary_key=True),
    Column("until", BigInteger, nullable=False),
    Column("signed_by", Text, primary_key=True),
    Column("signature", LargeBinary, nullable=False),
)

# Durable readers: each moves its position in the commit of what its batch wrote.
journal_readers = Table(
    "journal_readers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("moved_at", timestamp("at").type, nullable=False, server_default=text("clock_timestamp()")),
)
