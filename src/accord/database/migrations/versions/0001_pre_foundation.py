"""Users, sessions, rate limits and the journal."""

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
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append-only: % is refused', TG_OP;
END $$
"""
_APPEND_ONLY = """
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON journal
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journal_positions_append_only BEFORE UPDATE OR DELETE ON journal_positions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journal_positions_no_truncate BEFORE TRUNCATE ON journal_positions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    """Apply; old code must go on working on the new schema."""
    op.create_table(
        "journal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("transaction_id", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
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
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(op.f("journal_actor_id_idx"), "journal", ["actor_id"], unique=False)
    op.create_index(op.f("journal_record_table_record_id_idx"), "journal", ["record_table", "record_id"], unique=False)
    op.execute(_REFUSE_CHANGE)
    op.execute("CREATE TABLE journal_default PARTITION OF journal DEFAULT")
    op.execute(partitions.refuse_truncate("journal_default"))
    for month in partitions.coming():
        for statement in partitions.create(month):
            op.execute(statement)
    op.create_index(op.f("journal_transaction_id_idx"), "journal", ["transaction_id"], unique=False)
    op.create_table(
        "journal_positions",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "stamped_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("journal_positions_pkey")),
        sa.UniqueConstraint("entry_id", name=op.f("journal_positions_entry_id_key")),
    )
    op.create_table(
        "journal_relay",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("low_transaction_id", TransactionId(), nullable=False),
        sa.CheckConstraint("singleton", name=op.f("journal_relay_singleton_check")),
        sa.PrimaryKeyConstraint("singleton", name=op.f("journal_relay_pkey")),
    )
    op.create_table(
        "journal_checkpoints",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("pruned", sa.Boolean(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("journal_checkpoints_pkey")),
    )
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
    )
    op.create_index(op.f("idempotency_keys_created_at_idx"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "login_failures",
        sa.Column("identifier_hash", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("identifier_hash", name=op.f("login_failures_pkey")),
    )
    op.create_table(
        "rate_limits",
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("resets_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "key", name=op.f("rate_limits_pkey")),
    )
    op.create_table(
        "setup_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("setup_tokens_pkey")),
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
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("users_created_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
    )
    op.create_index(op.f("users_created_at_id_idx"), "users", ["created_at", "id"], unique=False)
    op.create_index(
        "users_email_key_key",
        "users",
        ["email_key"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("current_token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_active_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("sessions_user_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("sessions_pkey")),
    )
    op.create_index("sessions_ended_at_idx", "sessions", ["ended_at"], unique=False)
    op.create_index(op.f("sessions_user_id_idx"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("successor_hash", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_successor", sa.LargeBinary(), nullable=True),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("refresh_tokens_session_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("refresh_tokens_pkey")),
    )
    op.create_index(op.f("refresh_tokens_session_id_idx"), "refresh_tokens", ["session_id"], unique=False)
    op.create_table(
        "live_tickets",
        sa.Column("ticket_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("live_tickets_session_id_fkey"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("live_tickets_pkey")),
    )
    op.create_index(op.f("live_tickets_session_id_idx"), "live_tickets", ["session_id"], unique=False)
    op.execute(_APPEND_ONLY)
    op.execute("INSERT INTO journal_relay VALUES (true, 0, '', '0')")


def downgrade() -> None:
    """Undo."""
    op.drop_index(op.f("live_tickets_session_id_idx"), table_name="live_tickets")
    op.drop_table("live_tickets")
    op.drop_index(op.f("refresh_tokens_session_id_idx"), table_name="refresh_tokens")
    op.drop_table("refresh_tokens")
    op.drop_index(op.f("sessions_user_id_idx"), table_name="sessions")
    op.drop_index("sessions_ended_at_idx", table_name="sessions")
    op.drop_table("sessions")
    op.drop_index("users_email_key_key", table_name="users", postgresql_where=sa.text("deleted_at IS NULL"))
    op.drop_index(op.f("users_created_at_id_idx"), table_name="users")
    op.drop_table("users")
    op.drop_table("setup_tokens")
    op.drop_table("rate_limits")
    op.drop_table("login_failures")
    op.drop_table("idempotency_keys")
    op.drop_table("journal_checkpoints")
    op.drop_table("journal_relay")
    op.drop_table("journal_positions")
    op.drop_index(op.f("journal_transaction_id_idx"), table_name="journal")
    op.drop_index(op.f("journal_record_table_record_id_idx"), table_name="journal")
    op.drop_index(op.f("journal_actor_id_idx"), table_name="journal")
    op.drop_table("journal")
    op.execute("DROP FUNCTION refuse_change")
