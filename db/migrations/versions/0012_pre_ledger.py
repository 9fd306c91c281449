"""The ledger: what happened to each study, from its reception to the proof that its results are kept, as a view."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_STATES = ("state IN ('done', 'cancelled')", "state = 'waiting'", "state = 'leased'", "state = 'held'")
_ALL_JOBS = " UNION ALL ".join(
    # Asked state by state, since there is an index for each; and nothing is computed for studies that nobody asks for.
    [f"SELECT id, kind, subject_id, created_at, sender FROM jobs WHERE {state}" for state in _STATES]  # noqa: S608 - constants
    + ["SELECT id, kind, subject_id, created_at, sender FROM jobs_archive"]
)
_LEDGER = f"""
CREATE VIEW ledger AS
WITH all_jobs AS NOT MATERIALIZED ({_ALL_JOBS}),
sent AS NOT MATERIALIZED (
    SELECT d.*, f.study_id, d.object || ' for ' || d.peer AS what FROM deliveries AS d
    JOIN findings AS f ON f.id = d.findings_id
),
work AS NOT MATERIALIZED (
    SELECT j.id, j.subject_id AS study_id, 'classification' AS what FROM all_jobs AS j WHERE j.kind = 'classify'
    UNION ALL
    SELECT j.id, sent.study_id, sent.what FROM all_jobs AS j JOIN sent ON j.kind = 'deliver' AND j.subject_id = sent.id
),
entries AS NOT MATERIALIZED (
    SELECT se.study_id, i.received_at AS at, 1 AS place, 'received' AS event, i.calling_ae_title AS who,
        'film ' || i.sop_instance_uid AS what, i.sop_class_uid AS detail
    FROM instances AS i JOIN series AS se ON se.id = i.series_id
    UNION ALL
    SELECT se.study_id, i.received_at, 2, 'spooled', 'node', 'film ' || i.sop_instance_uid, i.path
    FROM instances AS i JOIN series AS se ON se.id = i.series_id
    UNION ALL
    SELECT j.subject_id, j.created_at, 3, 'queued', j.sender, 'classification', 'job ' || j.id
    FROM all_jobs AS j WHERE j.kind = 'classify'
    UNION ALL
    SELECT f.study_id, f.created_at, 5, 'classified', m.name || ' ' || m.version, 'study',
        concat_ws(': ', f.outcome, coalesce(f.label, f.unsuitable))
    FROM findings AS f JOIN model_versions AS m ON m.id = f.model_version_id
    UNION ALL
    SELECT sent.study_id, sent.created_at, 6, 'queued', 'outbox', sent.what, NULL FROM sent
    UNION ALL
    SELECT work.study_id, h.happened_at, 7,
        CASE WHEN h.after = 'leased' THEN 'claimed' WHEN h.after = 'waiting' AND h.before = 'held' THEN 'requeued'
        WHEN h.after = 'waiting' THEN 'returned' ELSE h.after END,
        h.actor, work.what, h.reason
    FROM work CROSS JOIN LATERAL (
        SELECT happened_at, before, after, actor, reason FROM job_history WHERE job_id = work.id
        UNION ALL
        SELECT happened_at, before, after, actor, reason FROM job_history_archive WHERE job_id = work.id
    ) AS h
    UNION ALL
    SELECT sent.study_id, sent.accepted_at, 8, 'accepted', sent.peer, sent.what,
        concat_ws(', ', 'status 0x' || lpad(to_hex(sent.dimse_status), 4, '0'), sent.sop_instance_uid, sent.comment)
    FROM sent WHERE sent.accepted_at IS NOT NULL
    UNION ALL
    SELECT sent.study_id, c.asked_at, 9, 'asked', sent.peer, sent.what, 'transaction ' || c.transaction_uid
    FROM sent JOIN confirmations AS c ON c.id = sent.confirmation_id WHERE c.asked_at IS NOT NULL
    UNION ALL
    SELECT sent.study_id, sent.committed_at, 10, 'committed', sent.peer, sent.what, sent.sop_instance_uid
    FROM sent WHERE sent.committed_at IS NOT NULL
)
SELECT s.id AS study_id, s.study_instance_uid, at, place, event, who, what, detail
FROM entries JOIN studies AS s ON s.id = entries.study_id
"""  # noqa: S608 - constants


def upgrade() -> None:
    op.execute(_LEDGER)


def downgrade() -> None:
    op.execute("DROP VIEW ledger")
