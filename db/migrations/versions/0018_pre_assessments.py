"""What persons report of studies comes back, beside the messages that brought it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_CLASSES = ("covid19", "pneumonia", "normal")


def upgrade() -> None:
    op.create_table(
        "report_messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("control_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        _moment("received_at"),
        *[
            sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)
            for name in ("filed", "outdated", "unknown", "ambiguous")
        ],
        sa.UniqueConstraint("sender", "control_id", "digest"),
    )
    op.create_index("report_messages_received", "report_messages", ["received_at"])
    op.create_table(
        "assessments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("study_id", sa.BigInteger(), sa.ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("assessor", sa.String(), server_default="", nullable=False),
        *[sa.Column(name, sa.String(), nullable=False) for name in _CLASSES],
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("matches", sa.dialects.postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("message_id", sa.BigInteger(), sa.ForeignKey("report_messages.id"), nullable=True),
        sa.Column("is_correction", sa.Boolean(), server_default="false", nullable=False),
        _moment("reported_at"),
        _moment("received_at"),
        sa.CheckConstraint("source IN ('ris', 'page')", name="source_is_known"),
        sa.CheckConstraint("basis IN ('code', 'keyword', 'person')", name="basis_is_known"),
        *[
            sa.CheckConstraint(f"{name} IN ('present', 'absent', 'undetermined', 'not-said')", name=f"{name}_is_known")
            for name in _CLASSES
        ],
        sa.CheckConstraint(
            "source <> 'ris' OR (assessor = '' AND message_id IS NOT NULL)", name="a_ris_names_a_message"
        ),
        sa.UniqueConstraint("study_id", "source"),
    )
    op.create_index("assessments_reported", "assessments", ["reported_at"])
    op.create_index("assessments_message", "assessments", ["message_id"])


def downgrade() -> None:
    op.drop_table("assessments")
    op.drop_table("report_messages")


def _moment(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
