"""A network on trial: what a shadow says is kept aside, and replays are recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_KINDS = ("classify", "deliver", "commit", "confirm", "shadow")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    json = sa.dialects.postgresql.JSONB()
    op.create_table(
        "shadow_findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("findings_id", sa.BigInteger(), sa.ForeignKey("findings.id", ondelete="CASCADE"), nullable=False),
        sa.Column("model_version_id", sa.BigInteger(), sa.ForeignKey("model_versions.id"), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("probabilities", json, nullable=True),
        sa.Column("unsuitable", sa.String(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('classified', 'undetermined', 'could-not-process', 'skipped')", name="outcome_is_known"
        ),
        sa.CheckConstraint(
            "CASE outcome WHEN 'skipped' THEN num_nonnulls(probabilities, unsuitable) = 0 "
            "ELSE num_nonnulls(probabilities, unsuitable) = 1 END",
            name="a_result_or_a_reason_or_skipped",
        ),
        sa.UniqueConstraint("findings_id", "model_version_id"),
    )
    op.create_table(
        "replays",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        *[
            sa.Column(name, sa.String(), nullable=False)
            for name in ("candidate", "candidate_sha256", "active", "active_sha256")
        ],
        sa.Column("first", moment, nullable=False),
        sa.Column("last", moment, nullable=False),
        sa.Column("studies", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("figures", json, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("decision IN ('passed', 'failed', 'not-enough')", name="decision_is_known"),
    )
    op.create_index("replays_candidate", "replays", ["candidate_sha256", "id"])
    _allow_kinds(_KINDS)


def downgrade() -> None:
    for table in ("jobs", "jobs_archive"):
        op.execute(f"DELETE FROM {table} WHERE kind = 'shadow'")  # noqa: S608 - constants
    _allow_kinds(_KINDS[:-1])
    op.drop_table("replays")
    op.drop_table("shadow_findings")


def _allow_kinds(kinds: tuple[str, ...]) -> None:
    allowed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint("kind_is_known", "jobs")
    op.create_check_constraint("kind_is_known", "jobs", f"kind IN ({allowed})")
