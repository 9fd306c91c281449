"""The database knows whom a study is about, and keeps a worklist of the studies to read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_IDENTITY = (
    "patient_name",
    "patient_id",
    "issuer_of_patient_id",
    "patient_birth_date",
    "patient_sex",
    "accession_number",
    "study_date",
    "study_time",
    "study_description",
    "station_name",
)

# The first film says whom a study is about; under the policy `replace` it is the last one. A film that comes when
# nobody is to read the study any more, or never was, makes an item of the worklist; one that is more urgent than the
# item makes it as urgent.
_TELL_WORKLIST = f"""
CREATE FUNCTION tell_worklist(its_study bigint, urgency bigint, given jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    ordered bigint := CASE WHEN urgency <= 1 THEN 0 WHEN urgency = 2 THEN 1 ELSE 2 END;
BEGIN
    IF jsonb_typeof(given->'identity') = 'object' THEN
        INSERT INTO study_identities
        SELECT * FROM jsonb_populate_record(
            NULL::study_identities, given->'identity' || jsonb_build_object('study_id', its_study)
        )
        ON CONFLICT (study_id) DO UPDATE
        SET {", ".join(f"{one} = excluded.{one}" for one in _IDENTITY)}
        WHERE given->>'on_conflict' = 'replace';
    END IF;
    IF given->>'workitem_uid' IS NULL THEN
        RETURN;
    END IF;
    UPDATE workitems SET suggested = least(suggested, ordered), priority = least(priority, ordered), modified_at = now()
    WHERE study_id = its_study AND state = 'SCHEDULED' AND suggested > ordered;
    INSERT INTO workitems (uid, study_id, priority, suggested, expires_at)
    SELECT given->>'workitem_uid', its_study, ordered, ordered,
        now() + (given->>'workitem_seconds')::float * interval '1 second'
    ON CONFLICT (study_id) WHERE state IN ('SCHEDULED', 'IN PROGRESS') DO NOTHING;
END
$$
"""  # noqa: S608 - names of columns

_PERFORM = "    PERFORM tell_worklist(its_study, urgency, given);\n"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "study_identities",
        sa.Column(
            "study_id",
            sa.BigInteger(),
            sa.ForeignKey("studies.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        *[sa.Column(name, sa.String(), server_default="", nullable=False) for name in _IDENTITY],
    )
    op.create_index("study_identities_accession", "study_identities", ["accession_number"])
    op.create_index("study_identities_patient", "study_identities", ["patient_id"])
    op.create_table(
        "workitems",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("uid", sa.String(), nullable=False, unique=True),
        sa.Column("study_id", sa.BigInteger(), sa.ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
        sa.Column("state", sa.String(), server_default="SCHEDULED", nullable=False),
        sa.Column("priority", sa.BigInteger(), nullable=False),
        sa.Column("suggested", sa.BigInteger(), nullable=False),
        sa.Column("transaction_uid", sa.String(), nullable=True),
        sa.Column("performer", sa.String(), server_default="", nullable=False),
        sa.Column("created_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("modified_at", moment, server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("claimed_at", moment, nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("reason", sa.String(), server_default="", nullable=False),
        sa.Column("changes", sa.dialects.postgresql.JSONB(), server_default="{}", nullable=False),
        sa.CheckConstraint("state IN ('SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED')", name="state_is_known"),
        sa.CheckConstraint("priority BETWEEN 0 AND 2 AND suggested BETWEEN 0 AND 2", name="priorities_are_known"),
        sa.CheckConstraint("priority <= suggested", name="never_less_urgent_than_suggested"),
        sa.CheckConstraint("state <> 'IN PROGRESS' OR transaction_uid IS NOT NULL", name="whoever_claims_can_prove_it"),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (state IN ('SCHEDULED', 'IN PROGRESS'))", name="what_ended_has_a_time"
        ),
    )
    op.create_index(
        "workitems_open",
        "workitems",
        ["study_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('SCHEDULED', 'IN PROGRESS')"),
    )
    op.create_index("workitems_order", "workitems", ["state", "priority", "created_at", "id"])
    op.create_index("workitems_study", "workitems", ["study_id"])
    op.execute(_TELL_WORKLIST)
    op.execute(_make_due().replace("BEGIN\n", f"BEGIN\n{_PERFORM}", 1))


def downgrade() -> None:
    op.execute(_make_due())
    op.execute("DROP FUNCTION tell_worklist")
    op.drop_table("workitems")
    op.drop_table("study_identities")


def _make_due() -> str:
    """Return the function that runs for each instance that is new or replaces another, as it was before."""
    scripts = op.get_context().script
    assert scripts is not None  # noqa: S101 - it is these scripts that are running
    return str(scripts.get_revision("0008").module.MAKE_DUE)
