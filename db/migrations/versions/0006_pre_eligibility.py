"""Each film says whether it may be classified, and why not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("findings_instances", sa.Column("view", sa.String(), nullable=True))
    op.add_column("findings_instances", sa.Column("unsuitable", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("findings_instances", "unsuitable")
    op.drop_column("findings_instances", "view")
