"""A delivery is one object of a result for one peer, and may have another peer that gets it instead."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_OBJECTS = ("report", "capture", "presentation", "selection")


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("object", sa.String(), server_default="report", nullable=False))
    op.add_column("deliveries", sa.Column("sop_class_uid", sa.String(), nullable=True))
    op.add_column("deliveries", sa.Column("comment", sa.String(), nullable=True))
    op.add_column("deliveries", sa.Column("instead", sa.String(), nullable=True))
    op.add_column("deliveries", sa.Column("instead_at", sa.DateTime(timezone=True), nullable=True))
    op.alter_column("deliveries", "report_sop_instance_uid", new_column_name="sop_instance_uid")
    allowed = ", ".join(f"'{one}'" for one in _OBJECTS)
    op.create_check_constraint("object_is_known", "deliveries", f"object IN ({allowed})")
    op.create_check_constraint("another_peer_has_its_time", "deliveries", "(instead IS NULL) = (instead_at IS NULL)")
    op.drop_constraint("deliveries_findings_id_peer_key", "deliveries")
    op.create_unique_constraint(None, "deliveries", ["findings_id", "peer", "object"])
    op.create_index("deliveries_overdue", "deliveries", ["instead_at"], postgresql_where=sa.text("accepted_at IS NULL"))


def downgrade() -> None:
    op.execute(
        "DELETE FROM jobs WHERE kind = 'deliver' AND subject_id IN (SELECT id FROM deliveries WHERE object <> 'report')"
    )
    op.execute("DELETE FROM deliveries WHERE object <> 'report'")
    op.drop_index("deliveries_overdue", "deliveries")
    op.drop_constraint("deliveries_findings_id_peer_object_key", "deliveries")
    op.create_unique_constraint("deliveries_findings_id_peer_key", "deliveries", ["findings_id", "peer"])
    op.drop_constraint("another_peer_has_its_time", "deliveries")
    op.drop_constraint("object_is_known", "deliveries")
    op.alter_column("deliveries", "sop_instance_uid", new_column_name="report_sop_instance_uid")
    for column in ("instead_at", "instead", "comment", "sop_class_uid", "object"):
        op.drop_column("deliveries", column)
