"""The duties that keep an installation in order, and what is known of their runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class DutyName(StrEnum):
    """What is done again and again, once for the whole installation."""

    QUIET_SWEEP = "quiet-sweep"
    LEASE_REAPER = "lease-reaper"
    AGING = "aging"
    FALLBACK = "fallback"
    ESCALATION = "escalation"
    WORKLIST = "worklist"
    STUCK = "stuck"
    RETENTION = "retention"
    OLD_FILMS = "old-films"
    OLD_RESULTS = "old-results"
    OLD_AUDIT = "old-audit"
    MAKE_ROOM = "make-room"
    DISK_WATERMARK = "disk-watermark"
    RECONCILE = "reconcile"
    ARCHIVE_CHECK = "archive-check"
    AUDIT_EXPORT = "audit-export"
    STATISTICS = "statistics"


COUNTED: dict[DutyName, str] = {
    DutyName.QUIET_SWEEP: "overlooked studies got a job",
    DutyName.LEASE_REAPER: "jobs of dead workers taken back",
    DutyName.AGING: "jobs became more urgent",
    DutyName.FALLBACK: "objects go to another peer",
    DutyName.ESCALATION: "urgent results are overdue",
    DutyName.WORKLIST: "items of the reading worklist were cleared away",
    DutyName.STUCK: "jobs and reports are stuck",
    DutyName.RETENTION: "settled jobs moved to the archive",
    DutyName.OLD_FILMS: "films deleted after their time",
    DutyName.OLD_RESULTS: "studies forgotten after their time",
    DutyName.OLD_AUDIT: "old records of the audit trail deleted",
    DutyName.MAKE_ROOM: "films deleted to make room",
    DutyName.DISK_WATERMARK: "MB free on the spool's disk",
    DutyName.RECONCILE: "differences between spool and database",
    DutyName.ARCHIVE_CHECK: "studies of the archives are missing or without result",
    DutyName.AUDIT_EXPORT: "records of the audit trail were sent",
    DutyName.STATISTICS: "figures written",
}
"""What the number means that a run of the duty ends with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DutyRecord:
    """What is known of a duty; times are the database's."""

    name: DutyName
    runs: int = 0
    failures: int = 0
    last_started_at: datetime | None = None
    last_finished_at: datetime | None = None
    last_seconds: float | None = None
    last_count: int | None = None
    """Of the last run that ended well."""
    last_error: str | None = None
    """Why the last run failed; none: it did not."""
    age_seconds: float | None = None
    """Since the last start; none: it never ran."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StuckLimits:
    """From when on work counts as stuck."""

    waiting: timedelta
    """A job that is due for longer and that nobody claims."""
    leased: timedelta
    """A job that a worker has had in hand for longer."""
    undelivered: timedelta
    """A report that its peer has not acknowledged for longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stuck:
    """How much work is stuck."""

    waiting: int
    leased: int
    held: int
    undelivered: int
