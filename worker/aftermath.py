"""What becomes of a job that failed: by the class of its error, and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.errors import Crashed, Doubtful, LeaseLost, Misconfigured, Permanent, Transient, Unforeseen
from domain.jobs import ReasonClass
from domain.measures import JOBS, LEASES_LOST
from domain.meters import NO_METERS

if TYPE_CHECKING:
    from domain.jobs import Job
    from domain.meters import Meters
    from domain.ports import Queue
    from worker.events import Events
    from worker.retry import Backoff

_DOUBTFUL_ATTEMPTS = 10
"""Tries of a job whose failure may not pass: some ten minutes, with the usual pauses."""
_UNEXPECTED_ATTEMPTS = 5
"""Tries of a job that fails in a way nobody foresaw, where the job itself sets no limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aftermath:
    """Returns failed jobs to their lane or holds them, and tells of it."""

    queue: Queue
    backoff: Backoff
    events: Events
    meters: Meters = NO_METERS

    def done(self, job: Job, outcome: str) -> None:
        """Tell that a job was settled with its result."""
        self.meters.add(JOBS, lane=job.lane, outcome="done")
        self.events.info("job-done", job=job.id, lane=job.lane, outcome=outcome, attempt=job.attempt)

    def lost(self, job: Job) -> None:
        """Tell that a job belongs to somebody else now, who will settle it."""
        self.meters.add(JOBS, lane=job.lane, outcome="lost")
        self.meters.add(LEASES_LOST, lane=job.lane, noticed="end")
        self.events.warning("lease-lost", job=job.id, lane=job.lane)

    def failed(self, job: Job, error: Exception) -> None:
        """Settle a job that failed.

        Raises:
            Transient: the queue itself can't be reached; the job's lease will expire and it will be taken up again.
            Misconfigured: the installation is wrong; the job is back in its lane.
        """
        try:
            self._settle(job, error)
        except LeaseLost:
            self.lost(job)

    def _settle(self, job: Job, error: Exception) -> None:
        match error:
            case LeaseLost():
                raise error
            case Misconfigured():
                self.queue.release([job])
                raise error
            case Permanent():
                self._hold(job, str(error), ReasonClass.PERMANENT, said=error.said)
            case Crashed():
                last = job.is_last_attempt or job.last_failure is ReasonClass.CRASHED
                self._try_again(job, str(error), ReasonClass.CRASHED, last=last)
            case Doubtful():
                last = job.is_last_attempt or job.attempt >= _DOUBTFUL_ATTEMPTS
                self._try_again(job, str(error), ReasonClass.TRANSIENT, last=last, said=error.said)
            case Transient():
                self._try_again(job, str(error), ReasonClass.TRANSIENT, last=job.is_last_attempt, said=error.said)
            case _:
                # The text of a foreign error may hold a patient's data; its type does not.
                reason = f"unexpected {error if isinstance(error, Unforeseen) else type(error).__name__}"
                last = job.is_last_attempt or job.attempt >= _UNEXPECTED_ATTEMPTS
                self._try_again(job, reason, ReasonClass.UNEXPECTED, last=last)

    def _try_again(self, job: Job, reason: str, reason_class: ReasonClass, *, last: bool, said: str = "") -> None:
        if last:
            self._hold(job, f"{reason} (given up after {job.attempt} tries)", reason_class, said=said)
            return
        pause = self.backoff.after(job.attempt)
        self.queue.retry(job, after=pause, reason=_quoted(reason, said), reason_class=reason_class)
        self.meters.add(JOBS, lane=job.lane, outcome="retried")
        self.events.warning(
            "job-retried", job=job.id, lane=job.lane, attempt=job.attempt, reason=reason, seconds=pause.total_seconds()
        )

    def _hold(self, job: Job, reason: str, reason_class: ReasonClass, *, said: str = "") -> None:
        self.queue.hold(job, reason=_quoted(reason, said), reason_class=reason_class)
        self.meters.add(JOBS, lane=job.lane, outcome="held")
        fields = {"job": job.id, "lane": job.lane, "attempt": job.attempt, "reason": reason}
        if job.is_of_a_shadow:
            self.events.warning("shadow-job-held", **fields)  # keeps no result from anybody: no reason to ring an alarm
        else:
            self.events.error("job-held", **fields)


def _quoted(reason: str, said: str) -> str:
    """Add what a peer said: people who work off held jobs need it, but it may name a patient, so no log gets it."""
    return f"{reason}; it said: {said}" if said else reason
