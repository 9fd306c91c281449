"""The tables of networks on trial: what a shadow says of studies, and what came of replays."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Table, one_of
from domain.shadow import ShadowOutcome
from domain.trial import Decision


class ShadowFindingsRow(Table):
    """What a shadow says of the films that findings speak about; nothing that is sent or shown as a result reads it."""

    __tablename__ = "shadow_findings"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    findings_id: Mapped[int] = mapped_column(ForeignKey("findings.id", ondelete="CASCADE"))
    """The study is theirs: with a reference to `studies` each row would lock one, for which a film might wait."""
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    outcome: Mapped[str]
    label: Mapped[str | None]
    probabilities: Mapped[dict[str, float] | None]
    unsuitable: Mapped[str | None]
    seconds: Mapped[float | None]
    """Reading the films included; null: it was skipped."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        one_of("outcome", ShadowOutcome),
        CheckConstraint(
            "CASE outcome WHEN 'skipped' THEN num_nonnulls(probabilities, unsuitable) = 0 "
            "ELSE num_nonnulls(probabilities, unsuitable) = 1 END",
            name="a_result_or_a_reason_or_skipped",
        ),
        UniqueConstraint("findings_id", "model_version_id"),
    )


class ReplayRow(Table):
    """A candidate beside the active network, on films of here with final reports."""

    __tablename__ = "replays"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    candidate: Mapped[str]
    """Name and version, as of `active`."""
    candidate_sha256: Mapped[str]
    active: Mapped[str]
    active_sha256: Mapped[str]
    first: Mapped[datetime]
    """From here on reports were looked at, to before `last`."""
    last: Mapped[datetime]
    studies: Mapped[int]
    decision: Mapped[str]
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)
    actor: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (one_of("decision", Decision), Index("replays_candidate", "candidate_sha256", "id"))
