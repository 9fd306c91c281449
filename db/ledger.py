"""The proof ledger: every step of a study's way, with its time and who took it, read from the tables as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.engine import transaction

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

_STUDY = text("SELECT id FROM studies WHERE study_instance_uid = :study")
_ENTRIES = text("""
SELECT at, event, coalesce(who, '') AS who, what, coalesce(detail, '') AS detail
FROM ledger WHERE study_id = :study ORDER BY at, place
""")
# Of several jobs of a delivery (it was sent again) the last one tells how it stands. Asked state by state, since there
# is an index for each.
_DELIVERIES = text("""
SELECT d.peer, d.object, d.findings_id, d.accepted_at, d.dimse_status, d.sop_instance_uid, d.committed_at,
    coalesce(job.reason, '') AS reason, coalesce(job.attempts, 0) AS attempts,
    CASE
        WHEN d.committed_at IS NOT NULL THEN 'committed'
        WHEN job.state IN ('held', 'cancelled') THEN job.state
        WHEN d.accepted_at IS NOT NULL THEN 'accepted'
        WHEN coalesce(job.attempts, 0) > 0 THEN 'trying'
        ELSE 'queued'
    END AS state
FROM deliveries AS d
JOIN findings AS f ON f.id = d.findings_id
LEFT JOIN LATERAL (
    SELECT state, reason, attempts FROM (
        SELECT id, state, reason, attempts FROM jobs
        WHERE kind = 'deliver' AND subject_id = d.id AND state IN ('done', 'cancelled')
        UNION ALL
        SELECT id, state, reason, attempts FROM jobs WHERE kind = 'deliver' AND subject_id = d.id AND state = 'waiting'
        UNION ALL
        SELECT id, state, reason, attempts FROM jobs WHERE kind = 'deliver' AND subject_id = d.id AND state = 'leased'
        UNION ALL
        SELECT id, state, reason, attempts FROM jobs WHERE kind = 'deliver' AND subject_id = d.id AND state = 'held'
        UNION ALL
        SELECT id, state, reason, attempts FROM jobs_archive WHERE kind = 'deliver' AND subject_id = d.id
    ) AS every ORDER BY id DESC LIMIT 1
) AS job ON true
WHERE f.study_id = :study ORDER BY d.id
""")


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A step of a study's way."""

    at: datetime
    event: str
    """received, spooled, queued, claimed, returned, done, held, requeued, cancelled, classified, accepted, asked,
    committed, deleted (a film, on purpose) or restored (it came again)."""
    who: str
    """AE title, host and process, network, peer, or person."""
    what: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryState:
    """How one object for one peer stands."""

    peer: str
    object: str
    findings_id: int
    state: str
    """queued, trying, held, cancelled, accepted or committed."""
    attempts: int
    reason: str
    accepted_at: datetime | None
    dimse_status: int | None
    sop_instance_uid: str | None
    committed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyLedger:
    """All that happened to a study."""

    study: str
    entries: tuple[Entry, ...]
    deliveries: tuple[DeliveryState, ...]


def ledger(engine: Engine, study_uid: str) -> StudyLedger | None:
    """Return the ledger of a study by its Study Instance UID; None: no film of it ever came.

    Raises:
        Transient: the database is away.
    """
    with transaction(engine) as connection:
        study = connection.execute(_STUDY, {"study": study_uid}).scalar_one_or_none()
        if study is None:
            return None
        entries = connection.execute(_ENTRIES, {"study": study}).mappings().all()
        deliveries = connection.execute(_DELIVERIES, {"study": study}).mappings().all()
    return StudyLedger(
        study=study_uid,
        entries=tuple(Entry(**row) for row in entries),
        deliveries=tuple(DeliveryState(**row) for row in deliveries),
    )
