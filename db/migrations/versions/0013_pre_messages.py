"""Results go to a RIS as messages, too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_OBJECTS = ("report", "capture", "presentation", "selection", "message")


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("control_id", sa.String(), nullable=True))
    _allow_objects(_OBJECTS)


def downgrade() -> None:
    op.execute(
        "DELETE FROM jobs WHERE kind = 'deliver' AND subject_id IN (SELECT id FROM deliveries WHERE object = 'message')"
    )
    op.execute("DELETE FROM deliveries WHERE object = 'message'")
    _allow_objects(_OBJECTS[:-1])
    op.drop_column("deliveries", "control_id")


def _allow_objects(objects: tuple[str, ...]) -> None:
    allowed = ", ".join(f"'{one}'" for one in objects)
    op.drop_constraint("object_is_known", "deliveries")
    op.create_check_constraint("object_is_known", "deliveries", f"object IN ({allowed})")
