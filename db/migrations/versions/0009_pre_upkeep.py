"""Settled jobs have an archive, duties a record of their runs, hours their figures; hot tables are vacuumed sooner."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Each row of these dies twice or more in its life, and what reads them must step over the dead until they are vacuumed.
# The server's own rule waits for a fifth of the table, so the longer the history, the more of the dead: here it is a
# hundredth. Estimates are renewed as often.
_QUEUE = {
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_threshold": "1000",
    "autovacuum_analyze_scale_factor": "0.01",
    "autovacuum_analyze_threshold": "1000",
}
# Room in the pages lets a row's new version stay beside the old one, so that no index has to be told (HOT), where no
# indexed column changes: a film more of a study, a lease renewed, a duty run.
_STORAGE: dict[str, dict[str, str]] = {
    "jobs": {**_QUEUE, "fillfactor": "85"},
    "job_history": {**_QUEUE, "autovacuum_vacuum_insert_scale_factor": "0.05"},
    "deliveries": _QUEUE,
    "studies": {**_QUEUE, "fillfactor": "80"},
    # A few rows, written every few seconds.
    "duties": {"fillfactor": "50", "autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "500"},
}


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "duties",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("runs", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_started_at", moment, nullable=True),
        sa.Column("last_finished_at", moment, nullable=True),
        sa.Column("last_seconds", sa.Float(), nullable=True),
        sa.Column("last_count", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
    )
    op.create_table(
        "statistics",
        sa.Column("at", moment, primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.Float(), nullable=False),
    )
    # The columns as they are now, without defaults, checks and references; who adds one later adds it to both.
    op.execute("CREATE TABLE jobs_archive (LIKE jobs, PRIMARY KEY (id))")
    op.execute("CREATE TABLE job_history_archive (LIKE job_history, PRIMARY KEY (id))")
    op.create_foreign_key(None, "job_history_archive", "jobs_archive", ["job_id"], ["id"], ondelete="CASCADE")
    op.create_index("jobs_archive_subject", "jobs_archive", ["kind", "subject_id"])
    op.create_index("job_history_archive_job", "job_history_archive", ["job_id"])
    settled = sa.text("state IN ('done', 'cancelled')")
    op.create_index("jobs_settled", "jobs", ["settled_at"], postgresql_where=settled)
    op.create_index("jobs_settled_subject", "jobs", ["kind", "subject_id"], postgresql_where=settled)
    undelivered = sa.text("accepted_at IS NULL")
    op.create_index("deliveries_undelivered", "deliveries", ["created_at"], postgresql_where=undelivered)
    # Films come in the order of this column: a few bytes for each hundred pages find those of the last days.
    op.create_index(
        "instances_received",
        "instances",
        ["received_at"],
        postgresql_using="brin",
        postgresql_with={"autosummarize": "on"},
    )
    for table, parameters in _STORAGE.items():
        op.execute(f"ALTER TABLE {table} SET ({', '.join(f'{name} = {value}' for name, value in parameters.items())})")


def downgrade() -> None:
    for table, parameters in _STORAGE.items():
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(parameters)})")
    op.drop_index("instances_received", "instances")
    op.drop_index("deliveries_undelivered", "deliveries")
    op.drop_index("jobs_settled_subject", "jobs")
    op.drop_index("jobs_settled", "jobs")
    # What was archived is not lost: it comes back.
    op.execute("INSERT INTO jobs OVERRIDING SYSTEM VALUE SELECT * FROM jobs_archive")
    op.execute("INSERT INTO job_history OVERRIDING SYSTEM VALUE SELECT * FROM job_history_archive")
    op.drop_table("job_history_archive")
    op.drop_table("jobs_archive")
    op.drop_table("statistics")
    op.drop_table("duties")
