"""The table of what people uploaded."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Table, one_of
from domain.uploads import UploadKind


class UploadRow(Table):
    """A file that somebody uploaded; its name, which may be a patient's, is not kept."""

    __tablename__ = "uploads"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    uploaded_at: Mapped[datetime] = mapped_column(server_default=func.now())
    kind: Mapped[str]
    size_bytes: Mapped[int]
    """Of the file as it came."""
    is_to_read: Mapped[bool]
    """Whether a radiologist was asked to read it."""

    __table_args__ = (
        one_of("kind", UploadKind),
        CheckConstraint("size_bytes > 0", name="no_file_is_empty"),
        Index("uploads_account", "account_id", "id"),
        Index("uploads_study", "study_id"),
    )
