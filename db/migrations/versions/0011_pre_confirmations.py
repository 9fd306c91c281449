"""Peers are asked whether they keep what they accepted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KINDS = ("classify", "deliver", "commit", "confirm")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "confirmations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("transaction_uid", sa.String(), nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("asked_at", moment, nullable=True),
        sa.Column("questions", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("answered_at", moment, nullable=True),
        sa.UniqueConstraint("peer", "transaction_uid"),
    )
    op.create_index(
        "confirmations_open", "confirmations", ["peer"], unique=True, postgresql_where=sa.text("asked_at IS NULL")
    )
    op.add_column("deliveries", sa.Column("confirmation_id", sa.BigInteger(), nullable=True))
    op.add_column("deliveries", sa.Column("committed_at", moment, nullable=True))
    op.add_column("deliveries", sa.Column("not_kept", sa.BigInteger(), server_default="0", nullable=False))
    op.create_foreign_key(None, "deliveries", "confirmations", ["confirmation_id"], ["id"])
    op.create_index("ix_deliveries_confirmation_id", "deliveries", ["confirmation_id"])
    _allow_kinds(_KINDS)


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind = 'confirm'")
    _allow_kinds(_KINDS[:-1])
    for column in ("not_kept", "committed_at", "confirmation_id"):
        op.drop_column("deliveries", column)
    op.drop_table("confirmations")


def _allow_kinds(kinds: tuple[str, ...]) -> None:
    allowed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint("kind_is_known", "jobs")
    op.create_check_constraint("kind_is_known", "jobs", f"kind IN ({allowed})")
