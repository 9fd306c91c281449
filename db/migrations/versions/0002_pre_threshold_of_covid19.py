"""Models have a threshold of their own for COVID-19; those of earlier results had none."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLE = "model_versions"
_BEFORE = ("name", "version", "sha256", "undetermined_below")


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("covid19_from", sa.Double(), server_default="0", nullable=False))
    op.drop_constraint("model_versions_name_version_sha256_undetermined_below_key", _TABLE, type_="unique")
    op.create_unique_constraint(None, _TABLE, [*_BEFORE, "covid19_from"])


def downgrade() -> None:
    op.drop_constraint("model_versions_name_version_sha256_undetermined_below_covid_key", _TABLE, type_="unique")
    op.create_unique_constraint(None, _TABLE, list(_BEFORE))
    op.drop_column(_TABLE, "covid19_from")
