"""The table that says which code may work with the schema."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, true
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Table


class SchemaCompatibility(Table):
    """One row. Steps that old code survives leave it alone; the others are recorded here when they are applied."""

    __tablename__ = "schema_compatibility"

    is_the_only_row: Mapped[bool] = mapped_column(primary_key=True, server_default=true())
    oldest_revision: Mapped[str]
    """The oldest `db.engine.SCHEMA_REVISION` whose code still works with this schema."""

    __table_args__ = (CheckConstraint("is_the_only_row", name="there_is_one_row"),)
