"""Every table, in the schema `accord`."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from accord.database.schema import TransactionId
from accord.journal import partitions

revision = "0001_pre_foundation"
down_revision = None
branch_labels = None
depends_on = None

_REFUSE_CHANGE = """
CREATE FUNCTION accord.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % is refused', TG_OP;
END $$
"""
_APPEND_ONLY = """
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON accord.journal
    FOR EACH ROW EXECUTE FUNCTION accord.refuse_change();
CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON accord.journal
    FOR EACH STATEMENT EXECUTE FUNCTION accord.refuse_change();
CREATE TRIGGER journal_positions_append_only BEFORE UPDATE OR DELETE ON accord.journal_positions
    FOR EACH ROW EXECUTE FUNCTION accord.refuse_change();
CREATE TRIGGER journal_positions_no_truncate BEFORE TRUNCATE ON accord.journal_positions
    FOR EACH STATEMENT EXECUTE FUNCTION accord.refuse_change();
"""
# A trigger and not the statements of the sequencer: people change the row as well.
# Only a sequencer that has looked at a restored row makes it right again.
_NOTE_WRITER = """
CREATE FUNCTION accord.note_writer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.written_by::xid = OLD.xmin THEN
        NEW.written_by := pg_current_xact_id();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER journal_sequencer_note_writer BEFORE UPDATE ON accord.journal_sequencer
    FOR EACH ROW EXECUTE FUNCTION accord.note_writer();
"""
_BEGIN = """
INSERT INTO accord.journal_sequencer (position, hash, low_transaction_id, written_by)
VALUES (0, '', '0', pg_current_xact_id())
"""


def upgrade() -> None:
    """Apply; old code must go on working on the new schema."""
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("inputs_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("caller", "operation", "key", name=op.f("idempotency_keys_pkey")),
        schema="accord",
    )
    op.create_index(
        op.f("idempotency_keys_created_at_idx"), "idempotency_keys", ["created_at"], unique=False, schema="accord"
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "transaction_id",
            TransactionId(),
            server_default=sa.text("pg_current_xact_id()"),
            nullable=False,
        ),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("record_table", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("record_version", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("list_keys", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", "at", name=op.f("journal_pkey")),
        schema="accord",
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(op.f("journal_actor_id_idx"), "journal", ["actor_id"], unique=False, schema="accord")
    op.create_index(
        op.f("journal_record_table_record_id_idx"),
        "journal",
        ["record_table", "record_id"],
        unique=False,
        schema="accord",
    )
    op.create_index(op.f("journal_transaction_id_idx"), "journal", ["transaction_id"], unique=False, schema="accord")
    op.execute(_REFUSE_CHANGE)
    op.execute("CREATE TABLE accord.journal_default PARTITION OF accord.journal DEFAULT")
    op.execute(partitions.refuse_truncate("journal_default"))
    for month in partitions.coming():
        for statement in partitions.create(month):
            op.execute(statement)
    op.create_table(
        "journal_checkpoints",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("pruned", sa.Boolean(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("journal_checkpoints_pkey")),
        schema="accord",
    )
    op.create_table(
        "journal_clusters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("after_position", sa.BigInteger(), nullable=False),
        sa.Column("system_identifier", sa.Text(), nullable=False),
        sa.Column("timeline", sa.BigInteger(), nullable=False),
        sa.Column("database", sa.BigInteger(), nullable=False),
        sa.Column("restored", sa.Boolean(), nullable=False),
        sa.Column(
            "noticed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("journal_clusters_pkey")),
        schema="accord",
    )
    op.create_table(
        "journal_keys",
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("public_key", "signed_by", name=op.f("journal_keys_pkey")),
        schema="accord",
    )
    op.create_table(
        "journal_positions",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "sequenced_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("journal_positions_pkey")),
        sa.UniqueConstraint("entry_id", name=op.f("journal_positions_entry_id_key")),
        schema="accord",
    )
    op.create_table(
        "journal_sequencer",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("low_transaction_id", TransactionId(), nullable=False),
        sa.Column("written_by", TransactionId(), server_default="0", nullable=False),
        sa.Column("next_restored_id", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("last_restored_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("leader", sa.Text(), server_default="", nullable=False),
        sa.Column("leads_until", sa.DateTime(timezone=True), server_default="-infinity", nullable=False),
        sa.CheckConstraint("singleton", name=op.f("journal_sequencer_singleton_check")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("journal_sequencer_pkey")),
        schema="accord",
    )
    op.create_table(
        "login_failures",
        sa.Column("identifier_hash", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("identifier_hash", name=op.f("login_failures_pkey")),
        schema="accord",
    )
    op.create_index("login_failures_since_idx", "login_failures", ["since"], unique=False, schema="accord")
    op.create_table(
        "rate_limits",
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("resets_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "key", name=op.f("rate_limits_pkey")),
        schema="accord",
    )
    op.create_table(
        "setup_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("setup_tokens_pkey")),
        schema="accord",
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.CheckConstraint("role IN ('root', 'admin', 'customer')", name=op.f("users_role_check")),
        sa.ForeignKeyConstraint(["created_by"], ["accord.users.id"], name=op.f("users_created_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
        schema="accord",
    )
    op.create_index(op.f("users_created_at_id_idx"), "users", ["created_at", "id"], unique=False, schema="accord")
    op.create_index(
        "users_email_key_key",
        "users",
        ["email_key"],
        unique=True,
        schema="accord",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "conversations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("pinned_message_ids", postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("member_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["created_by"], ["accord.users.id"], name=op.f("conversations_created_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("conversations_pkey")),
        schema="accord",
    )
    op.create_index(
        op.f("conversations_created_by_idx"), "conversations", ["created_by"], unique=False, schema="accord"
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("current_token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("token_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_active_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["accord.users.id"], name=op.f("sessions_user_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("sessions_pkey")),
        schema="accord",
    )
    op.create_index("sessions_ended_at_idx", "sessions", ["ended_at"], unique=False, schema="accord")
    op.create_index(
        "sessions_live_idx",
        "sessions",
        ["user_id"],
        unique=False,
        schema="accord",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "sessions_over_at_idx",
        "sessions",
        [sa.text("LEAST(ended_at, expires_at)")],
        unique=False,
        schema="accord",
    )
    op.create_table(
        "conversation_members",
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["accord.conversations.id"],
            name=op.f("conversation_members_conversation_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["accord.users.id"], name=op.f("conversation_members_user_id_fkey")),
        sa.PrimaryKeyConstraint("conversation_id", "user_id", name=op.f("conversation_members_pkey")),
        schema="accord",
    )
    op.create_index(
        op.f("conversation_members_user_id_joined_at_conversation_id_idx"),
        "conversation_members",
        ["user_id", "joined_at", "conversation_id"],
        unique=False,
        schema="accord",
    )
    op.create_table(
        "live_tickets",
        sa.Column("ticket_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["accord.sessions.id"], name=op.f("live_tickets_session_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("live_tickets_pkey")),
        schema="accord",
    )
    op.create_index(op.f("live_tickets_session_id_idx"), "live_tickets", ["session_id"], unique=False, schema="accord")
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["accord.users.id"], name=op.f("messages_author_id_fkey")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["accord.conversations.id"],
            name=op.f("messages_conversation_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("messages_pkey")),
        schema="accord",
    )
    op.create_index(op.f("messages_author_id_idx"), "messages", ["author_id"], unique=False, schema="accord")
    op.create_index(
        "messages_conversation_id_idx",
        "messages",
        ["conversation_id", "created_at", "id"],
        unique=False,
        schema="accord",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("successor_hash", sa.LargeBinary(), nullable=True),
        sa.Column("masked_successor", sa.LargeBinary(), nullable=True),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["accord.sessions.id"], name=op.f("refresh_tokens_session_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("refresh_tokens_pkey")),
        schema="accord",
    )
    op.create_index(
        op.f("refresh_tokens_session_id_idx"), "refresh_tokens", ["session_id"], unique=False, schema="accord"
    )
    op.execute(_APPEND_ONLY)
    op.execute(_NOTE_WRITER)
    op.execute(_BEGIN)


def downgrade() -> None:
    """Undo; the schema stays, as Alembic's own table lies in it."""
    for table in (
        "refresh_tokens",
        "messages",
        "live_tickets",
        "conversation_members",
        "sessions",
        "conversations",
        "users",
        "setup_tokens",
        "rate_limits",
        "login_failures",
        "journal_sequencer",
        "journal_positions",
        "journal_keys",
        "journal_clusters",
        "journal_checkpoints",
        "journal",
        "idempotency_keys",
    ):
        op.drop_table(table, schema="accord")
    op.execute("DROP FUNCTION accord.note_writer, accord.refuse_change")
