"""What is done with other content under a known UID, and how urgent a study is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# An instance without a policy or a priority comes from a node of the version before.
TAKE_INSTANCES = """
CREATE OR REPLACE FUNCTION take_instances(
    instances jsonb, job_kind text, job_lane text, job_attempts bigint, channel text
)
RETURNS TABLE (reception text, study_id bigint, path text)
LANGUAGE plpgsql AS $$
DECLARE
    given jsonb;
    urgency bigint;
    its_study bigint;
    its_series bigint;
    known record;
BEGIN
    FOR given IN SELECT value FROM jsonb_array_elements(instances) LOOP
        urgency := coalesce((given->>'priority')::bigint, 2);
        SELECT i.id, i.digest, i.path, s.study_id INTO known
        FROM instances AS i JOIN series AS s ON s.id = i.series_id
        WHERE i.sop_instance_uid = given->>'sop_instance_uid';
        IF NOT FOUND THEN
            INSERT INTO studies AS st (study_instance_uid, priority) VALUES (given->>'study_uid', urgency)
            ON CONFLICT (study_instance_uid) DO UPDATE
            SET last_received_at = now(), priority = least(st.priority, excluded.priority)
            RETURNING st.id, st.priority INTO its_study, urgency;
            -- The study's row is locked now: of two senders of one instance the second one finds it here.
            SELECT i.id, i.digest, i.path, s.study_id INTO known
            FROM instances AS i JOIN series AS s ON s.id = i.series_id
            WHERE i.sop_instance_uid = given->>'sop_instance_uid';
        END IF;
        IF FOUND THEN
            IF known.digest = given->>'digest' THEN
                RETURN QUERY SELECT 'duplicate', known.study_id, known.path::text;
            ELSE
                RETURN QUERY SELECT settled.reception, known.study_id, settled.path
                FROM settle_conflict(known.id, known.study_id, given) AS settled;
                PERFORM make_due(st.id, st.priority, given, job_kind, job_lane, job_attempts, channel)
                FROM studies AS st JOIN instances AS i ON i.digest = given->>'digest'
                WHERE st.id = known.study_id AND i.id = known.id;
            END IF;
            CONTINUE;
        END IF;
        INSERT INTO series AS s (study_id, series_instance_uid, modality)
        VALUES (its_study, given->>'series_uid', given->>'modality')
        ON CONFLICT ON CONSTRAINT series_study_id_series_instance_uid_key DO UPDATE SET modality = excluded.modality
        RETURNING s.id INTO its_series;
        INSERT INTO instances
            (series_id, sop_instance_uid, sop_class_uid, transfer_syntax_uid, digest, size_bytes, path,
             calling_ae_title)
        VALUES
            (its_series, given->>'sop_instance_uid', given->>'sop_class_uid', given->>'transfer_syntax_uid',
             given->>'digest', (given->>'size_bytes')::bigint, given->>'path', given->>'calling_ae_title');
        PERFORM make_due(its_study, urgency, given, job_kind, job_lane, job_attempts, channel);
        RETURN QUERY SELECT 'new', its_study, given->>'path';
    END LOOP;
END
$$
"""

MAKE_DUE = """
CREATE FUNCTION make_due(
    its_study bigint, urgency bigint, given jsonb, job_kind text, job_lane text, job_attempts bigint, channel text
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    due timestamptz := now() + (given->>'quiet_seconds')::float * interval '1 second';
BEGIN
    UPDATE jobs SET run_after = due, priority = least(priority, urgency)
    WHERE kind = job_kind AND subject_id = its_study AND state = 'waiting';
    IF NOT FOUND THEN
        INSERT INTO jobs (kind, lane, subject_id, max_attempts, run_after, priority)
        VALUES (job_kind, job_lane, its_study, job_attempts, due, urgency);
        PERFORM pg_notify(channel, job_lane);
    END IF;
END
$$
"""

_SETTLE_CONFLICT = """
CREATE FUNCTION settle_conflict(its_id bigint, its_study bigint, given jsonb)
RETURNS TABLE (reception text, path text)
LANGUAGE plpgsql AS $$
DECLARE
    policy text := coalesce(given->>'on_conflict', 'keep_first');
    old record;
    kept text;
BEGIN
    SELECT i.* INTO old FROM instances AS i WHERE i.id = its_id FOR UPDATE;
    IF old.digest = given->>'digest' THEN  -- another sender of the same was faster
        RETURN QUERY SELECT 'duplicate', old.path::text;
        RETURN;
    END IF;
    IF policy = 'replace' AND EXISTS (
        SELECT FROM studies AS st WHERE st.id = its_study AND st.study_instance_uid = given->>'study_uid'
    ) THEN
        INSERT INTO conflicts AS c
            (instance_id, digest, size_bytes, transfer_syntax_uid, path, calling_ae_title, resolution, received_at,
             last_received_at)
        VALUES
            (old.id, old.digest, old.size_bytes, old.transfer_syntax_uid, old.path, old.calling_ae_title, 'replaced',
             old.received_at, old.received_at)
        ON CONFLICT ON CONSTRAINT conflicts_instance_id_digest_key DO UPDATE
        SET path = excluded.path, resolution = excluded.resolution;
        DELETE FROM conflicts AS c WHERE c.instance_id = its_id AND c.digest = given->>'digest';
        UPDATE instances AS i SET
            sop_class_uid = given->>'sop_class_uid', transfer_syntax_uid = given->>'transfer_syntax_uid',
            digest = given->>'digest', size_bytes = (given->>'size_bytes')::bigint, path = given->>'path',
            calling_ae_title = given->>'calling_ae_title', received_at = now()
        WHERE i.id = its_id;
        UPDATE studies AS st SET
            last_received_at = now(), priority = least(st.priority, coalesce((given->>'priority')::bigint, 2))
        WHERE st.id = its_study;
        RETURN QUERY SELECT 'replaced', given->>'path';
        RETURN;
    END IF;
    INSERT INTO conflicts AS c
        (instance_id, digest, size_bytes, transfer_syntax_uid, path, calling_ae_title, resolution)
    VALUES
        (its_id, given->>'digest', (given->>'size_bytes')::bigint, given->>'transfer_syntax_uid',
         CASE WHEN policy <> 'reject' THEN given->>'path' END, given->>'calling_ae_title',
         CASE WHEN policy = 'reject' THEN 'rejected' ELSE 'kept-aside' END)
    ON CONFLICT ON CONSTRAINT conflicts_instance_id_digest_key DO UPDATE
    SET times = c.times + 1, last_received_at = now(), path = coalesce(c.path, excluded.path),
        resolution = CASE WHEN c.path IS NULL THEN excluded.resolution ELSE c.resolution END
    RETURNING c.path INTO kept;
    -- What was kept under another policy was answered with success: its file must not go now.
    RETURN QUERY SELECT CASE WHEN kept IS NULL THEN 'rejected' ELSE 'conflict' END, old.path::text;
END
$$
"""


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "conflicts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("instance_id", sa.BigInteger(), sa.ForeignKey("instances.id"), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("transfer_syntax_uid", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=True),
        sa.Column("calling_ae_title", sa.String(), nullable=False),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("times", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("received_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("last_received_at", moment, server_default=sa.func.now(), nullable=False),
        sa.UniqueConstraint("instance_id", "digest"),
        sa.CheckConstraint("resolution IN ('rejected', 'kept-aside', 'replaced')", name="resolution_is_known"),
        sa.CheckConstraint("(path IS NULL) = (resolution = 'rejected')", name="what_is_kept_has_a_place"),
    )
    op.add_column("studies", sa.Column("priority", sa.BigInteger(), server_default="2", nullable=False))
    op.add_column("jobs", sa.Column("priority", sa.BigInteger(), server_default="2", nullable=False))
    op.add_column("findings_instances", sa.Column("digest", sa.String(), nullable=True))
    op.add_column("findings_instances", sa.Column("path", sa.String(), nullable=True))
    op.drop_index("jobs_waiting", "jobs")
    op.create_index(
        "jobs_waiting",
        "jobs",
        ["lane", "priority", "run_after"],
        # The second condition keeps the index from statements that name no lane: a function plans them once, while the
        # table is empty and every index looks as good as another.
        postgresql_where=sa.text("state = 'waiting' AND lane <> ''"),
    )
    op.execute(MAKE_DUE)
    op.execute(_SETTLE_CONFLICT)
    op.execute(TAKE_INSTANCES)


def downgrade() -> None:
    op.execute("DROP FUNCTION take_instances")
    op.execute("DROP FUNCTION settle_conflict")
    op.execute("DROP FUNCTION make_due")
    op.drop_index("jobs_waiting", "jobs")
    op.create_index("jobs_waiting", "jobs", ["lane", "run_after"], postgresql_where=sa.text("state = 'waiting'"))
    op.drop_column("findings_instances", "path")
    op.drop_column("findings_instances", "digest")
    op.drop_column("jobs", "priority")
    op.drop_column("studies", "priority")
    op.drop_table("conflicts")
    scripts = op.get_context().script
    assert scripts is not None  # noqa: S101 - it is these scripts that are running
    op.execute(scripts.get_revision("0003").module.TAKE_INSTANCES)
