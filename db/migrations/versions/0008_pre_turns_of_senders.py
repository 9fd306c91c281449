"""Jobs know who sent their films and when it is their sender's turn; a film may have killed its decoder."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_CLASSES = "reason_class IN ('transient', 'permanent', 'unexpected', 'lease-expired', {}'operator')"

# A sender's jobs take turns ten seconds apart, counted from the last of its own that waits. Whoever sends a thousand
# films at once is served as fast as before, but somebody else's single film is before all that have their turn later.
MAKE_DUE = """
CREATE OR REPLACE FUNCTION make_due(
    its_study bigint, urgency bigint, given jsonb, job_kind text, job_lane text, job_attempts bigint, channel text
) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    due timestamptz := now() + (given->>'quiet_seconds')::float * interval '1 second';
    who text := coalesce(given->>'calling_ae_title', '');
BEGIN
    UPDATE jobs SET run_after = due, turn = greatest(turn, due), priority = least(priority, urgency)
    WHERE kind = job_kind AND subject_id = its_study AND state = 'waiting';
    IF NOT FOUND THEN
        INSERT INTO jobs (kind, lane, subject_id, max_attempts, run_after, priority, sender, turn)
        VALUES (
            job_kind, job_lane, its_study, job_attempts, due, urgency, who,
            greatest(due, interval '10 seconds' + (
                SELECT max(mine.turn) FROM jobs AS mine
                WHERE mine.lane = job_lane AND mine.sender = who AND mine.state = 'waiting' AND mine.sender <> ''
            ))
        );
        PERFORM pg_notify(channel, job_lane);
    END IF;
END
$$
"""


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("jobs", sa.Column("sender", sa.String(), server_default="", nullable=False))
    op.add_column("jobs", sa.Column("turn", moment, server_default=sa.func.now(), nullable=False))
    op.execute("UPDATE jobs SET turn = run_after WHERE state = 'waiting'")
    op.drop_index("jobs_waiting", "jobs")
    op.create_index(
        "jobs_waiting",
        "jobs",
        ["lane", "priority", "turn", "run_after"],
        # The second condition keeps the index from statements that name no lane: a function plans them once, while the
        # table is empty and every index looks as good as another.
        postgresql_where=sa.text("state = 'waiting' AND lane <> ''"),
    )
    op.create_index(
        "jobs_waiting_sender",
        "jobs",
        ["lane", "sender", "turn"],
        postgresql_where=sa.text("state = 'waiting' AND sender <> ''"),
    )
    _replace_classes("'crashed', ")
    op.execute(MAKE_DUE)


def downgrade() -> None:
    scripts = op.get_context().script
    assert scripts is not None  # noqa: S101 - it is these scripts that are running
    op.execute("DROP FUNCTION make_due")
    op.execute(scripts.get_revision("0005").module.MAKE_DUE)
    op.execute("UPDATE jobs SET reason_class = 'unexpected' WHERE reason_class = 'crashed'")
    op.execute("UPDATE job_history SET reason_class = 'unexpected' WHERE reason_class = 'crashed'")
    _replace_classes("")
    op.drop_index("jobs_waiting_sender", "jobs")
    op.drop_index("jobs_waiting", "jobs")
    op.create_index(
        "jobs_waiting",
        "jobs",
        ["lane", "priority", "run_after"],
        postgresql_where=sa.text("state = 'waiting' AND lane <> ''"),
    )
    op.drop_column("jobs", "turn")
    op.drop_column("jobs", "sender")


def _replace_classes(further: str) -> None:
    op.drop_constraint("reason_class_is_known", "jobs", type_="check")
    op.create_check_constraint("reason_class_is_known", "jobs", _CLASSES.format(further))
