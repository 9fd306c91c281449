"""The tables of the reading worklist: whom studies are about, and who reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Table, one_of
from domain.worklist import StepState


class StudyIdentityRow(Table):
    """Whom a study is about, as its first film names it; see `domain.subject.StudyIdentity`."""

    __tablename__ = "study_identities"

    study_id: Mapped[int] = mapped_column(
        ForeignKey("studies.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    patient_name: Mapped[str] = mapped_column(server_default="")
    patient_id: Mapped[str] = mapped_column(server_default="")
    issuer_of_patient_id: Mapped[str] = mapped_column(server_default="")
    patient_birth_date: Mapped[str] = mapped_column(server_default="")
    patient_sex: Mapped[str] = mapped_column(server_default="")
    accession_number: Mapped[str] = mapped_column(server_default="")
    study_date: Mapped[str] = mapped_column(server_default="")
    study_time: Mapped[str] = mapped_column(server_default="")
    study_description: Mapped[str] = mapped_column(server_default="")
    station_name: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        Index("study_identities_accession", "accession_number"),
        Index("study_identities_patient", "patient_id"),
    )


class WorkitemRow(Table):
    """A study that is to be read, or was: a unified procedure step (PS3.4 Annex CC)."""

    __tablename__ = "workitems"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(server_default=StepState.SCHEDULED.value)
    priority: Mapped[int]
    """See `domain.worklist.StepPriority`; the smaller, the more urgent."""
    suggested: Mapped[int]
    """The least urgent that `priority` can be."""
    transaction_uid: Mapped[str | None]
    """What proves who claimed it; never told."""
    performer: Mapped[str] = mapped_column(server_default="")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    modified_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(server_default="")
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    """What performers wrote into it, in the DICOM JSON model (PS3.18 F.2)."""

    __table_args__ = (
        one_of("state", StepState),
        CheckConstraint("priority BETWEEN 0 AND 2 AND suggested BETWEEN 0 AND 2", name="priorities_are_known"),
        CheckConstraint("priority <= suggested", name="never_less_urgent_than_suggested"),
        CheckConstraint("state <> 'IN PROGRESS' OR transaction_uid IS NOT NULL", name="whoever_claims_can_prove_it"),
        CheckConstraint("(ended_at IS NULL) = (state IN ('SCHEDULED', 'IN PROGRESS'))", name="what_ended_has_a_time"),
        Index(
            "workitems_open",
            "study_id",
            unique=True,
            postgresql_where=text("state IN ('SCHEDULED', 'IN PROGRESS')"),
        ),
        Index("workitems_order", "state", "priority", "created_at", "id"),
        Index("workitems_study", "study_id"),
    )
