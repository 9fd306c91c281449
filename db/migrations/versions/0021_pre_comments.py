"""Who assesses a study on a page may write why; nothing of a final report's text is kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assessments", sa.Column("comment", sa.String(), server_default="", nullable=False))
    op.create_check_constraint("no_text_of_a_ris", "assessments", "source <> 'ris' OR comment = ''")


def downgrade() -> None:
    op.drop_constraint("no_text_of_a_ris", "assessments")
    op.drop_column("assessments", "comment")
