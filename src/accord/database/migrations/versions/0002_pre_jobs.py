"""Jobs, schedules and readers of the journal."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_pre_jobs"
down_revision = "0001_pre_foundation"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; old code must go on working on the new schema."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("is_ready", sa.Boolean(), nullable=False),
        sa.Column("is_blocked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("priority", sa.Integer(), server_default="0", nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("share", sa.Text(), server_default="", nullable=False),
        sa.Column("order_key", sa.Text(), nullable=True),
        sa.Column("unique_key", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("traceparent", sa.Text(), nullable=True),
        sa.Column("args", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("attempts", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_seconds", sa.Integer(), server_default="0", nullable=False),
        sa.Column("worker", sa.Text(), server_default="", nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("problem", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("jobs_pkey")),
        schema="accord",
    )
    op.create_index(
        "jobs_claimable_idx",
        "jobs",
        ["queue", sa.literal_column("priority DESC"), "share", "run_at", "id"],
        unique=False,
        schema="accord",
        postgresql_where=sa.text("is_ready AND NOT is_blocked"),
    )
    op.create_index(
        "jobs_ended_idx",
        "jobs",
        ["state", "ended_at"],
        unique=False,
        schema="accord",
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
    op.create_index(
        "jobs_later_idx",
        "jobs",
        ["run_at"],
        unique=False,
        schema="accord",
        postgresql_where=sa.text("NOT is_ready AND state IN ('scheduled', 'queued', 'retrying')"),
    )
    op.create_index(
        "jobs_listed_idx",
        "jobs",
        ["state", "queue", "task", "created_at", "id"],
        unique=False,
        schema="accord",
    )
    op.create_index(
        "jobs_order_idx",
        "jobs",
        ["order_key", "is_blocked", "sequence"],
        unique=False,
        schema="accord",
        postgresql_where=sa.text("order_key IS NOT NULL AND state IN ('scheduled', 'queued', 'retrying', 'running')"),
    )
    op.create_index(
        "jobs_outcome_idx",
        "jobs",
        ["ended_at"],
        unique=False,
        schema="accord",
        postgresql_where=sa.text(
            "owner_id IS NOT NULL AND ended_at IS NOT NULL AND (result IS NOT NULL OR problem IS NOT NULL)"
        ),
    )
    op.create_index(
        "jobs_owner_idx",
        "jobs",
        ["owner_id", "id"],
        unique=False,
        schema="accord",
        postgresql_where=sa.text("owner_id IS NOT NULL"),
    )
    op.create_index(
        "jobs_ready_idx",
        "jobs",
        ["queue", "run_at"],
        unique=False,
        schema="accord",
        postgresql_where=sa.text("is_ready AND NOT is_blocked"),
    )
    op.create_index(
        "jobs_unique_idx",
        "jobs",
        ["task", "unique_key"],
        unique=True,
        schema="accord",
        postgresql_where=sa.text("unique_key IS NOT NULL AND state IN ('scheduled', 'queued', 'retrying', 'running')"),
    )
    op.create_table(
        "inbox",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("recipient_key", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("links", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("inbox_pkey")),
        sa.UniqueConstraint("number", name=op.f("inbox_number_key")),
        schema="accord",
    )
    op.create_table(
        "journal_readers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("journal_readers_pkey")),
        schema="accord",
    )
    op.create_table(
        "queues",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=True),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("queues_pkey")),
        schema="accord",
    )
    op.create_table(
        "schedules",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("last_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_job_id", sa.Uuid(), nullable=True),
        sa.Column("skipped", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("schedules_pkey")),
        schema="accord",
    )


def downgrade() -> None:
    """Undo."""
    for table in ("schedules", "queues", "journal_readers", "inbox", "jobs"):
        op.drop_table(table, schema="accord")
