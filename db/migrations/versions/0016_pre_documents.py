"""Results go out as documents to read, too."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_OBJECTS = ("report", "capture", "presentation", "selection", "message", "document")


def upgrade() -> None:
    _allow_objects(_OBJECTS)


def downgrade() -> None:
    documents = "SELECT id FROM deliveries WHERE object = 'document'"
    op.execute(f"DELETE FROM jobs WHERE kind = 'deliver' AND subject_id IN ({documents})")  # noqa: S608 - a constant
    op.execute("DELETE FROM deliveries WHERE object = 'document'")
    _allow_objects(_OBJECTS[:-1])


def _allow_objects(objects: tuple[str, ...]) -> None:
    allowed = ", ".join(f"'{one}'" for one in objects)
    op.drop_constraint("object_is_known", "deliveries")
    op.create_check_constraint("object_is_known", "deliveries", f"object IN ({allowed})")
