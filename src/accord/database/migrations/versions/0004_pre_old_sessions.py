"""Find the sessions that were over long ago without reading the others."""

import sqlalchemy as sa
from alembic import op

revision = "0004_pre_old_sessions"
down_revision = "0003_pre_live_sessions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; old code must go on working on the new schema."""
    op.create_index("sessions_over_at_idx", "sessions", [sa.text("LEAST(ended_at, expires_at)")], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_index("sessions_over_at_idx", table_name="sessions")
