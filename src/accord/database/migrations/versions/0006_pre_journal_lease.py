"""The relay leads by a lease, and the journal knows when it was restored and in which cluster it is."""

import sqlalchemy as sa
from alembic import op

from accord.database.schema import TransactionId

revision = "0006_pre_journal_lease"
down_revision = "0005_pre_token_use"
branch_labels = None
depends_on = None

# A trigger and not the statements of the relay: relays of the release before, and people, change the row as well.
# Only whoever looked after a row that was restored makes it right again.
_NOTE_WRITER = """
CREATE FUNCTION note_writer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.written_by::xid = OLD.xmin THEN
        NEW.written_by := pg_current_xact_id();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER journal_relay_note_writer BEFORE UPDATE ON journal_relay
    FOR EACH ROW EXECUTE FUNCTION note_writer();
"""
# A journal that was restored before this release may hold entries that no relay will find by transaction.
# With the lock no writer is at work, so that everything without a position is there to be seen.
_FIND_LOST_ENTRIES = """
LOCK TABLE journal IN SHARE MODE;
UPDATE journal_relay SET written_by = pg_current_xact_id(),
    low_transaction_id = LEAST(low_transaction_id, pg_snapshot_xmin(pg_current_snapshot())),
    next_restored_id = COALESCE(lost.first, 1), last_restored_id = COALESCE(lost.last, 0)
FROM (
    SELECT min(id) AS first, max(id) AS last FROM journal
    WHERE NOT EXISTS (SELECT FROM journal_positions WHERE entry_id = journal.id)
) lost;
"""


def upgrade() -> None:
    """Apply; old code must go on working on the new schema."""
    op.add_column("journal_relay", sa.Column("written_by", TransactionId(), server_default="0", nullable=False))
    op.add_column("journal_relay", sa.Column("next_restored_id", sa.BigInteger(), server_default="1", nullable=False))
    op.add_column("journal_relay", sa.Column("last_restored_id", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("journal_relay", sa.Column("leader", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "journal_relay",
        sa.Column("leads_until", sa.DateTime(timezone=True), server_default="-infinity", nullable=False),
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
    )
    op.execute(_NOTE_WRITER)
    op.execute(_FIND_LOST_ENTRIES)


def downgrade() -> None:
    """Undo."""
    op.execute("DROP TRIGGER journal_relay_note_writer ON journal_relay")
    op.execute("DROP FUNCTION note_writer")
    op.drop_table("journal_clusters")
    for name in ("leads_until", "leader", "last_restored_id", "next_restored_id", "written_by"):
        op.drop_column("journal_relay", name)
