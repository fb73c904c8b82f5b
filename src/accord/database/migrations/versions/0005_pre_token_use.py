"""Know whether the newest refresh token of a session reached its client."""

import sqlalchemy as sa
from alembic import op

revision = "0005_pre_token_use"
down_revision = "0004_pre_old_sessions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; old code must go on working on the new schema."""
    op.add_column("sessions", sa.Column("used_token_hash", sa.LargeBinary(), nullable=True))
    op.add_column("sessions", sa.Column("token_used_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Undo."""
    op.drop_column("sessions", "token_used_at")
    op.drop_column("sessions", "used_token_hash")
