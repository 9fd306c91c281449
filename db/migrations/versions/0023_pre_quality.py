"""Pages look at the results of a window of days, at a peer's last success, and at the last failures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("findings_made", "findings", ["created_at"], postgresql_using="brin")
    op.create_index(
        "deliveries_accepted",
        "deliveries",
        ["peer", "accepted_at"],
        postgresql_where=sa.text("accepted_at IS NOT NULL"),
    )
    op.create_index(
        "job_history_failed",
        "job_history",
        ["id"],
        postgresql_where=sa.text("before = 'leased' AND after <> 'done' AND reason IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("job_history_failed", "job_history")
    op.drop_index("deliveries_accepted", "deliveries")
    op.drop_index("findings_made", "findings")
