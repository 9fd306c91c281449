"""Programs have tokens of accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token_sha256", sa.String(), nullable=False, unique=True),
        sa.Column("permissions", sa.ARRAY(sa.String()), nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("last_used_at", moment, nullable=True),
        sa.UniqueConstraint("account_id", "name"),
        sa.CheckConstraint("cardinality(permissions) > 0", name="it_allows_something"),
    )


def downgrade() -> None:
    op.drop_table("api_tokens")
