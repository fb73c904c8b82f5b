"""Find the counts of failed sign-ins that count no more without reading the others."""

from alembic import op

revision = "0007_pre_old_failures"
down_revision = "0006_pre_journal_lease"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; old code must go on working on the new schema."""
    op.create_index("login_failures_since_idx", "login_failures", ["since"], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_index("login_failures_since_idx", table_name="login_failures")
