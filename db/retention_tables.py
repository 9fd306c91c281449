"""The tables of what was deleted on purpose, and of what must not be."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Identity, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Table, one_of
from domain.retention import DeletionCause


class FilmDeletionRow(Table):
    """A content of an instance whose file was deleted on purpose, or is about to be; the instance's row stays."""

    __tablename__ = "film_deletions"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instances.id", ondelete="CASCADE"))
    digest: Mapped[str]
    size_bytes: Mapped[int]
    path: Mapped[str]
    cause: Mapped[str]
    deleted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    removed_at: Mapped[datetime | None]
    """When its file was gone; null: it may still be there."""
    restored_at: Mapped[datetime | None]
    """When the same content came again; null: it is gone."""

    __table_args__ = (
        one_of("cause", DeletionCause),
        Index(
            "film_deletions_gone",
            "instance_id",
            "digest",
            unique=True,
            postgresql_where=text("restored_at IS NULL"),
        ),
        Index("film_deletions_instance", "instance_id"),
        Index("film_deletions_pending", "id", postgresql_where=text("removed_at IS NULL AND restored_at IS NULL")),
    )


class KeptStudyRow(Table):
    """A study of which nothing is deleted while this row is there."""

    __tablename__ = "kept_studies"

    study_id: Mapped[int] = mapped_column(
        ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    since: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    reason: Mapped[str]
