"""The tables of what persons report: messages that came, and what they say of each study."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Table, one_of
from domain.assessment import Basis, Source
from domain.report_phrases import Statement


class ReportMessageRow(Table):
    """A message with final reports that was acknowledged; of a report without a study it is all that is kept."""

    __tablename__ = "report_messages"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    sender: Mapped[str]
    control_id: Mapped[str]
    digest: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    filed: Mapped[int] = mapped_column(server_default="0")
    outdated: Mapped[int] = mapped_column(server_default="0")
    unknown: Mapped[int] = mapped_column(server_default="0")
    ambiguous: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        UniqueConstraint("sender", "control_id", "digest"),
        Index("report_messages_received", "received_at"),
    )


class AssessmentRow(Table):
    """What was reported of a study, from one source."""

    __tablename__ = "assessments"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    source: Mapped[str]
    assessor: Mapped[str] = mapped_column(server_default="")
    """Empty for a RIS: no name is kept."""
    covid19: Mapped[str]
    pneumonia: Mapped[str]
    normal: Mapped[str]
    basis: Mapped[str]
    matches: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
    """By which rules it was understood; see `domain.assessment.Match`."""
    message_id: Mapped[int | None] = mapped_column(ForeignKey("report_messages.id"))
    is_correction: Mapped[bool] = mapped_column(server_default="false")
    comment: Mapped[str] = mapped_column(server_default="")
    """What somebody wrote on a page; of a RIS no text is kept."""
    reported_at: Mapped[datetime] = mapped_column(server_default=func.now())
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        one_of("source", Source),
        one_of("basis", Basis),
        *(one_of(column, Statement) for column in ("covid19", "pneumonia", "normal")),
        CheckConstraint("source <> 'ris' OR (assessor = '' AND message_id IS NOT NULL)", name="a_ris_names_a_message"),
        CheckConstraint("source <> 'ris' OR comment = ''", name="no_text_of_a_ris"),
        UniqueConstraint("study_id", "source"),
        Index("assessments_reported", "reported_at"),
        Index("assessments_message", "message_id"),
    )
