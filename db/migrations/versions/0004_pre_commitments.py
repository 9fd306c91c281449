"""Requests for storage commitment and their answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CONSTRAINT = "kind_is_known"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "commitments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("transaction_uid", sa.String(), nullable=False),
        sa.Column("referenced", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("requested_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("reported_at", moment, nullable=True),
        sa.Column("committed", sa.BigInteger(), nullable=True),
        sa.Column("failed", sa.BigInteger(), nullable=True),
        sa.UniqueConstraint("peer", "transaction_uid"),
    )
    op.drop_constraint(_CONSTRAINT, "jobs", type_="check")
    op.create_check_constraint(_CONSTRAINT, "jobs", "kind IN ('classify', 'deliver', 'commit')")


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'commit'")
    op.drop_constraint(_CONSTRAINT, "jobs", type_="check")
    op.create_check_constraint(_CONSTRAINT, "jobs", "kind IN ('classify', 'deliver')")
    op.drop_table("commitments")
