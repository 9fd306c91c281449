"""The tables of the radiologists' list: a row a study, kept by the database itself, and filters that people keep."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import JobRow, Table, one_of
from db.worklist_tables import StudyIdentityRow
from domain.findings import Verdict


class ReadingRow(Table):
    """What the list is sorted and filtered by; written when a film, a result, an end of reading or a report comes."""

    __tablename__ = "reading_list"

    study_id: Mapped[int] = mapped_column(
        ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    received_at: Mapped[datetime]
    suggested: Mapped[int]
    """See `domain.worklist.StepPriority`; it only ever gets more urgent."""
    verdict: Mapped[str | None]
    """Of the last result."""
    sender: Mapped[str]
    """Calling AE title of the first film."""
    station: Mapped[str]
    is_read: Mapped[bool] = mapped_column(server_default="false")
    """Reported, or read by a workstation, since the last film came."""

    __table_args__ = (
        CheckConstraint("suggested BETWEEN 0 AND 2", name="suggested_is_known"),
        one_of("verdict", Verdict),
        Index("reading_list_unread", "suggested", "received_at", "study_id", postgresql_where=text("NOT is_read")),
        Index("reading_list_order", "suggested", "received_at", "study_id"),
        Index("reading_list_arrival", "received_at", "study_id"),
    )


class SavedFilterRow(Table):
    """A filter of the list that somebody keeps; it holds no patient's data."""

    __tablename__ = "saved_filters"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    name: Mapped[str]
    query: Mapped[str]

    __table_args__ = (UniqueConstraint("account_id", "name"),)


_SEARCHED = ("patient_name", "patient_id", "accession_number")
BEGINNINGS = tuple(
    Index(
        f"study_identities_{name}_begins",
        func.lower(getattr(StudyIdentityRow, name)).label("begin"),
        postgresql_ops={"begin": "text_pattern_ops"},
    )
    for name in _SEARCHED
)
"""Indexes by which the list is searched, whatever the size of the letters."""
HELD = Index("jobs_held_subject", JobRow.kind, JobRow.subject_id, postgresql_where=text("state = 'held'"))
