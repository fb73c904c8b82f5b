"""What keys of the journal say of their predecessors."""

import sqlalchemy as sa
from alembic import op

revision = "0008_pre_journal_keys"
down_revision = "0007_pre_old_failures"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; old code must go on working on the new schema."""
    op.create_table(
        "journal_keys",
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("public_key", "signed_by", name=op.f("journal_keys_pkey")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("journal_keys")
