"""What people uploaded is recorded, with its study."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("study_id", sa.BigInteger(), sa.ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("is_to_read", sa.Boolean(), nullable=False),
        sa.CheckConstraint("kind IN ('DICOM', 'JPEG', 'PNG')", name="kind_is_known"),
        sa.CheckConstraint("size_bytes > 0", name="no_file_is_empty"),
    )
    op.create_index("uploads_account", "uploads", ["account_id", "id"])
    op.create_index("uploads_study", "uploads", ["study_id"])


def downgrade() -> None:
    op.drop_table("uploads")
