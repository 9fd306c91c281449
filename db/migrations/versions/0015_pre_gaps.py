"""What archives have that is not here is kept, to be looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gaps",
        sa.Column("peer", sa.String(), primary_key=True),
        sa.Column("study_instance_uid", sa.String(), primary_key=True),
        sa.Column("study_date", sa.String(), nullable=False),
        sa.Column("films", sa.BigInteger(), nullable=False),
        sa.Column("missing", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('missing', 'no-result', 'at-work')", name="kind_is_known"),
    )


def downgrade() -> None:
    op.drop_table("gaps")
