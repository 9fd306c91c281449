"""The database says which code may still work with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        "schema_compatibility",
        sa.Column("is_the_only_row", sa.Boolean(), primary_key=True, server_default=sa.true(), autoincrement=False),
        sa.Column("oldest_revision", sa.String(), nullable=False),
        sa.CheckConstraint("is_the_only_row", name="there_is_one_row"),
    )
    op.bulk_insert(table, [{"oldest_revision": revision}])


def downgrade() -> None:
    op.drop_table("schema_compatibility")
