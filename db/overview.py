"""What an operator wants to know at a glance: counts, what is held and why, what could not be delivered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from db.duty_book import records
from db.engine import transaction

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine

    from domain.duties import DutyRecord

_COUNTS = text("""
SELECT
    (SELECT count(*) FROM studies) AS studies,
    (SELECT count(*) FROM instances) AS instances,
    (SELECT count(*) FROM conflicts) AS conflicts,
    (SELECT count(*) FROM findings) AS findings,
    (SELECT count(*) FROM deliveries WHERE accepted_at IS NOT NULL) AS delivered,
    (SELECT count(*) FROM deliveries WHERE accepted_at IS NULL) AS undelivered
""")

_LANES = text("SELECT lane, state, count(*) AS jobs FROM jobs GROUP BY lane, state ORDER BY lane, state")

_TROUBLED = text("""
SELECT id, lane, state, attempts, reason, created_at FROM jobs
WHERE state = 'held' OR (state = 'waiting' AND reason IS NOT NULL)
ORDER BY state, created_at
LIMIT :limit
""")

_OUTCOMES = text("""
SELECT coalesce(label, unsuitable, outcome) AS result, count(*) AS results
FROM findings GROUP BY 1 ORDER BY 1
""")

_PAUSED = text("SELECT lane FROM pauses ORDER BY lane")


@dataclass(frozen=True, kw_only=True, slots=True)
class TroubledJob:
    """A job that is held, or that failed and waits for its next try."""

    id: int
    lane: str
    state: str
    attempts: int
    reason: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """The state of the whole installation."""

    counts: dict[str, int]
    """Studies, instances, conflicts of content under one UID, findings, delivered and undelivered reports."""
    lanes: dict[str, dict[str, int]]
    """Jobs by lane and state."""
    results: dict[str, int]
    """Findings by label, or by the reason why there is none."""
    troubled: tuple[TroubledJob, ...]
    paused: tuple[str, ...]
    """Lanes in which nothing is claimed; an empty name stands for every lane."""
    duties: tuple[DutyRecord, ...]
    """Every duty, also one that never ran."""


def overview(engine: Engine, *, limit: int = 20) -> Overview:
    """Read the state; at most `limit` troubled jobs, held ones first.

    Raises:
        Transient: the database can't be reached.
    """
    with transaction(engine) as connection:
        counts = connection.execute(_COUNTS).mappings().one()
        lanes: dict[str, dict[str, int]] = {}
        for row in connection.execute(_LANES):
            lanes.setdefault(row.lane, {})[row.state] = row.jobs
        results = {row.result: row.results for row in connection.execute(_OUTCOMES)}
        rows = connection.execute(_TROUBLED, {"limit": limit}).mappings().all()
        paused = connection.execute(_PAUSED).scalars().all()
        duties = records(connection)
    return Overview(
        counts=dict(counts),
        lanes=lanes,
        results=results,
        troubled=tuple(TroubledJob(**row) for row in rows),
        paused=tuple(paused),
        duties=duties,
    )
