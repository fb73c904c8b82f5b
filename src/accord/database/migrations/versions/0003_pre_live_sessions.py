"""Find the live sessions of an account without reading those that ended."""

import sqlalchemy as sa
from alembic import op

revision = "0003_pre_live_sessions"
down_revision = "0002_pre_conversations"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; old code must go on working on the new schema."""
    op.create_index("sessions_live_idx", "sessions", ["user_id"], postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index(op.f("sessions_user_id_idx"), table_name="sessions")


def downgrade() -> None:
    """Undo."""
    op.create_index(op.f("sessions_user_id_idx"), "sessions", ["user_id"], unique=False)
    op.drop_index("sessions_live_idx", table_name="sessions")
