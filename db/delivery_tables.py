"""The tables of what goes out and what others say of it: deliveries, storage commitment, gaps in archives."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Table, one_of
from domain.archive import GapKind
from domain.delivery import ResultObject


class Delivery(Table):
    """An object of a result on its way to one peer, or the proof that it arrived."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    findings_id: Mapped[int] = mapped_column(ForeignKey("findings.id"))
    peer: Mapped[str]
    object: Mapped[str] = mapped_column(server_default=ResultObject.REPORT.value)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    instead: Mapped[str | None]
    """The peer that gets it as well, if this one does not take it in time."""
    instead_at: Mapped[datetime | None]
    """When that time is over."""
    accepted_at: Mapped[datetime | None]
    dimse_status: Mapped[int | None]
    comment: Mapped[str | None]
    """What the peer said with its acknowledgement."""
    sop_class_uid: Mapped[str | None]
    """Of what it acknowledged; null in rows from before there was this column."""
    sop_instance_uid: Mapped[str | None]
    control_id: Mapped[str | None]
    """MSH-10 of the message that its peer acknowledged."""
    confirmation_id: Mapped[int | None] = mapped_column(ForeignKey("confirmations.id"), index=True)
    """The question to its peer whether it keeps it; null: it was not accepted, or the peer is not asked such things."""
    committed_at: Mapped[datetime | None]
    """When the peer said that it keeps it (storage commitment)."""
    not_kept: Mapped[int] = mapped_column(server_default="0")
    """How often the peer accepted it and then said that it does not keep it."""
    escalated_at: Mapped[datetime | None]
    """When somebody was told that it is overdue."""

    __table_args__ = (
        one_of("object", ResultObject),
        CheckConstraint("(instead IS NULL) = (instead_at IS NULL)", name="another_peer_has_its_time"),
        UniqueConstraint("findings_id", "peer", "object"),
        Index("deliveries_overdue", "instead_at", postgresql_where=text("accepted_at IS NULL")),
        Index("deliveries_undelivered", "created_at", postgresql_where=text("accepted_at IS NULL")),
        Index("deliveries_accepted", "peer", "accepted_at", postgresql_where=text("accepted_at IS NOT NULL")),
    )


class CommitmentRow(Table):
    """A request for storage commitment, and what was answered."""

    __tablename__ = "commitments"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    peer: Mapped[str]
    transaction_uid: Mapped[str]
    referenced: Mapped[list[list[str]]]
    """SOP class and SOP instance of each instance that the request names."""
    requested_at: Mapped[datetime] = mapped_column(server_default=func.now())
    reported_at: Mapped[datetime | None]
    committed: Mapped[int | None]
    failed: Mapped[int | None]

    __table_args__ = (UniqueConstraint("peer", "transaction_uid"),)


class ConfirmationRow(Table):
    """A question to a peer whether it keeps what it accepted (storage commitment), and whether it answered."""

    __tablename__ = "confirmations"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    peer: Mapped[str]
    transaction_uid: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    asked_at: Mapped[datetime | None]
    """Null: deliveries are still added to it."""
    questions: Mapped[int] = mapped_column(server_default="0")
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("peer", "transaction_uid"),
        Index("confirmations_open", "peer", unique=True, postgresql_where=text("asked_at IS NULL")),
    )


class GapRow(Table):
    """A study that an archive had when it was last asked, and of which films or a result were not here."""

    __tablename__ = "gaps"

    peer: Mapped[str] = mapped_column(primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(primary_key=True)
    study_date: Mapped[str]
    films: Mapped[int]
    missing: Mapped[int]
    kind: Mapped[str]
    found_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (one_of("kind", GapKind),)
