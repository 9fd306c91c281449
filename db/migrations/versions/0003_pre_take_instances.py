"""The database itself takes received instances, many at once, in one round trip."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TAKE_INSTANCES = """
CREATE FUNCTION take_instances(instances jsonb, job_kind text, job_lane text, job_attempts bigint, channel text)
RETURNS TABLE (reception text, study_id bigint, path text)
LANGUAGE plpgsql AS $$
DECLARE
    given jsonb;
    its_study bigint;
    its_series bigint;
    known record;
    due timestamptz;
BEGIN
    FOR given IN SELECT value FROM jsonb_array_elements(instances) LOOP
        SELECT i.digest, i.path, s.study_id INTO known
        FROM instances AS i JOIN series AS s ON s.id = i.series_id
        WHERE i.sop_instance_uid = given->>'sop_instance_uid';
        IF NOT FOUND THEN
            INSERT INTO studies (study_instance_uid) VALUES (given->>'study_uid')
            ON CONFLICT (study_instance_uid) DO UPDATE SET last_received_at = now()
            RETURNING id INTO its_study;
            -- The study's row is locked now: of two senders of one instance the second one finds it here.
            SELECT i.digest, i.path, s.study_id INTO known
            FROM instances AS i JOIN series AS s ON s.id = i.series_id
            WHERE i.sop_instance_uid = given->>'sop_instance_uid';
        END IF;
        IF FOUND THEN
            RETURN QUERY SELECT
                CASE WHEN known.digest = given->>'digest' THEN 'duplicate' ELSE 'conflict' END,
                known.study_id, known.path::text;
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
        due := now() + (given->>'quiet_seconds')::float * interval '1 second';
        UPDATE jobs SET run_after = due
        WHERE kind = job_kind AND subject_id = its_study AND state = 'waiting';
        IF NOT FOUND THEN
            INSERT INTO jobs (kind, lane, subject_id, max_attempts, run_after)
            VALUES (job_kind, job_lane, its_study, job_attempts, due);
            PERFORM pg_notify(channel, job_lane);
        END IF;
        RETURN QUERY SELECT 'new', its_study, given->>'path';
    END LOOP;
END
$$
"""


def upgrade() -> None:
    op.execute(TAKE_INSTANCES)


def downgrade() -> None:
    op.execute("DROP FUNCTION take_instances")
