"""Jobs can be cancelled and paused, say of what kind their reason is, and have a history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_STATES = "state IN ('waiting', 'leased', 'done', 'held'{})"

# The changes of state that there are, as in domain/jobs.py; a test compares them.
_KEEP_HISTORY = """
CREATE FUNCTION keep_job_history() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.state, NEW.state) NOT IN (
        ('waiting', 'leased'), ('waiting', 'held'), ('waiting', 'cancelled'),
        ('leased', 'done'), ('leased', 'waiting'), ('leased', 'held'),
        ('held', 'waiting'), ('held', 'cancelled')
    ) THEN
        RAISE EXCEPTION 'a % job can not become %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO job_history (job_id, before, after, attempt, actor, reason, reason_class)
    VALUES (
        NEW.id, OLD.state, NEW.state, NEW.attempts,
        coalesce(NEW.leased_by, OLD.leased_by, nullif(current_setting('hilum.actor', true), '')),
        NEW.reason, NEW.reason_class
    );
    RETURN NEW;
END
$$
"""
_TRIGGER = """
CREATE TRIGGER job_changes_state BEFORE UPDATE OF state ON jobs
FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION keep_job_history()
"""


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("jobs", sa.Column("reason_class", sa.String(), nullable=True))
    op.create_check_constraint(
        "reason_class_is_known",
        "jobs",
        "reason_class IN ('transient', 'permanent', 'unexpected', 'lease-expired', 'operator')",
    )
    _replace("state_is_known", _STATES.format(", 'cancelled'"))
    _replace("held_jobs_say_why", "state NOT IN ('held', 'cancelled') OR reason IS NOT NULL")
    op.create_table(
        "job_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("job_id", sa.BigInteger(), sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("happened_at", moment, server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("after", sa.String(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("reason_class", sa.String(), nullable=True),
    )
    op.create_table(
        "pauses",
        sa.Column("lane", sa.String(), primary_key=True),
        sa.Column("since", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
    op.execute(_KEEP_HISTORY)
    op.execute(_TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER job_changes_state ON jobs")
    op.execute("DROP FUNCTION keep_job_history")
    op.drop_table("pauses")
    op.drop_table("job_history")
    op.execute("DELETE FROM jobs WHERE state = 'cancelled'")
    _replace("held_jobs_say_why", "state <> 'held' OR reason IS NOT NULL")
    _replace("state_is_known", _STATES.format(""))
    op.drop_constraint("reason_class_is_known", "jobs", type_="check")
    op.drop_column("jobs", "reason_class")


def _replace(name: str, condition: str) -> None:
    op.drop_constraint(name, "jobs", type_="check")
    op.create_check_constraint(name, "jobs", condition)
