"""The loop of one lane: claim a job, run it, settle it, whatever happens."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from domain.errors import LeaseLost, Misconfigured, Permanent, Transient
from domain.jobs import ReasonClass

if TYPE_CHECKING:
    from domain.jobs import Job
    from domain.ports import Queue
    from worker.events import Events
    from worker.retry import Backoff

_LONGEST_SLEEP = timedelta(seconds=1)
"""So that a stop is heard soon; a new job wakes the loop at once."""
_PAUSE_WITHOUT_DATABASE_SECONDS = 1.0
_UNEXPECTED_ATTEMPTS = 5
"""Tries of a job that fails in a way nobody foresaw, where the job itself sets no limit."""


class Handler(Protocol):
    """Does the work of one kind of job and settles it."""

    def run(self, job: Job) -> str:
        """Do the work and say in a word what came of it; every foreseen failure is one of `domain.errors`."""
        ...


@dataclass(kw_only=True)
class Loop:
    """Works off one lane, one job at a time, until `stop` is set."""

    lane: str
    queue: Queue
    handler: Handler
    worker: str
    lease: timedelta
    backoff: Backoff
    events: Events
    stop: threading.Event = field(default_factory=threading.Event)
    failure: Misconfigured | None = None
    """Why the loop ended by itself."""
    _current: Job | None = None

    def run(self) -> None:
        """Work until told to stop; the job in hand is finished first."""
        while not self.stop.is_set():
            try:
                if not self.step():
                    self.queue.wait(self.lane, at_most=_LONGEST_SLEEP)
            except Transient as error:
                self.events.warning("database-away", lane=self.lane, reason=str(error))
                self.stop.wait(_PAUSE_WITHOUT_DATABASE_SECONDS)
            except Misconfigured as error:
                self.failure = error
                self.stop.set()
            except Exception as error:  # noqa: BLE001 - a loop that died would leave its lane unserved, unseen
                self.events.error("loop-failed", lane=self.lane, error=type(error).__name__)
                self.stop.wait(_PAUSE_WITHOUT_DATABASE_SECONDS)

    def step(self) -> bool:
        """Claim and run one job; say whether there was one.

        Raises:
            Transient: the queue itself can't be reached; a claimed job's lease will expire and be taken up again.
            Misconfigured: the installation is wrong.
        """
        job = self.queue.claim(self.lane, worker=self.worker, lease=self.lease)
        if job is None:
            return False
        self._current = job
        try:
            self._run(job)
        except LeaseLost:
            self.events.warning("lease-lost", job=job.id, lane=self.lane)
        finally:
            self._current = None
        return True

    def beat(self) -> None:
        """Renew the lease of the job in hand; called from another thread while the job runs."""
        job = self._current
        if job is None:
            return
        try:
            self.queue.renew(job, lease=self.lease)
        except (LeaseLost, Transient) as error:
            self.events.warning("lease-not-renewed", job=job.id, lane=self.lane, reason=str(error))

    def _run(self, job: Job) -> None:
        try:
            outcome = self.handler.run(job)
        except Permanent as error:
            self._hold(job, str(error), ReasonClass.PERMANENT)
        except Transient as error:
            self._try_again(job, str(error), ReasonClass.TRANSIENT, last=job.is_last_attempt)
        except Misconfigured:
            self.queue.release(job)
            raise
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - a job may fail in any way, and none may end the loop
            # The text of a foreign error may hold a patient's data; its type does not.
            last = job.is_last_attempt or job.attempt >= _UNEXPECTED_ATTEMPTS
            self._try_again(job, f"unexpected {type(error).__name__}", ReasonClass.UNEXPECTED, last=last)
        else:
            self.events.info("job-done", job=job.id, lane=self.lane, outcome=outcome, attempt=job.attempt)

    def _try_again(self, job: Job, reason: str, reason_class: ReasonClass, *, last: bool) -> None:
        if last:
            self._hold(job, f"{reason} (given up after {job.attempt} tries)", reason_class)
            return
        pause = self.backoff.after(job.attempt)
        self.queue.retry(job, after=pause, reason=reason, reason_class=reason_class)
        self.events.warning(
            "job-retried", job=job.id, lane=self.lane, attempt=job.attempt, reason=reason, seconds=pause.total_seconds()
        )

    def _hold(self, job: Job, reason: str, reason_class: ReasonClass) -> None:
        self.queue.hold(job, reason=reason, reason_class=reason_class)
        self.events.error("job-held", job=job.id, lane=self.lane, attempt=job.attempt, reason=reason)
