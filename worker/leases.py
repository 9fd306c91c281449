"""The leases of one thread's jobs: renewed while it works, noticed when they are lost, given back at the end."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.errors import Transient
from domain.measures import CLAIMS, LEASES_LOST, WAIT_SECONDS
from domain.meters import NO_METERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta

    from domain.ids import JobId
    from domain.jobs import Job
    from domain.meters import Meters
    from domain.ports import Queue
    from worker.events import Events


@dataclass(kw_only=True)
class Leases:
    """Jobs that were claimed and are not settled yet; used by the thread that works and by the one that renews."""

    queue: Queue
    length: timedelta
    events: Events
    meters: Meters = NO_METERS
    _jobs: dict[JobId, Job] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _renewed: float = 0.0
    """When all leases were known to be ours, by a clock that goes on while the process is stopped."""

    def __len__(self) -> int:
        return len(self._jobs)

    def take(self, jobs: Sequence[Job]) -> None:
        """Keep jobs that were claimed just now."""
        for job in jobs:
            self.meters.add(CLAIMS, lane=job.lane)
            self.meters.observe(WAIT_SECONDS, job.due_for_seconds, lane=job.lane)
            self.events.debug(
                "job-claimed", job=job.id, lane=job.lane, attempt=job.attempt, seconds=round(job.due_for_seconds, 3)
            )
        with self._lock:
            if not self._jobs:
                self._renewed = time.monotonic()
            self._jobs.update({job.id: job for job in jobs})

    def drop(self, jobs: Iterable[Job]) -> None:
        """Forget jobs that were settled, or that somebody else has now."""
        with self._lock:
            for job in jobs:
                self._jobs.pop(job.id, None)

    def still_ours(self, job: Job) -> bool:
        """Whether the job may be begun: after half of a lease without renewal the queue is asked.

        Raises:
            Transient: the queue can't be reached.
        """
        if time.monotonic() - self._renewed > self.length.total_seconds() / 2:
            self._renew()
        return job.id in self._jobs

    def beat(self) -> None:
        """Renew all leases; called again and again from another thread."""
        try:
            self._renew()
        except Transient as error:
            self.events.warning("lease-not-renewed", count=len(self._jobs), reason=str(error))

    def give_back(self) -> None:
        """Release what is left: it was claimed and not begun.

        Raises:
            Transient: the queue can't be reached; the leases will expire.
        """
        with self._lock:
            left = list(self._jobs.values())
            self._jobs.clear()
        if left:
            self.queue.release(left)

    def abandon(self) -> None:
        """Release what is still at work, since this process ends; while the queue is away the leases will expire."""
        try:
            self.give_back()
        except Transient as error:
            self.events.warning("lease-not-renewed", count=len(self._jobs), reason=str(error))

    def _renew(self) -> None:
        begun = time.monotonic()
        with self._lock:
            jobs = list(self._jobs.values())
        lost = self.queue.renew(jobs, lease=self.length) if jobs else frozenset()
        with self._lock:
            self._renewed = begun
            gone = [job for job in jobs if job.id in lost and self._jobs.pop(job.id, None) is not None]
        for job in gone:
            self.meters.add(LEASES_LOST, lane=job.lane, noticed="renewal")
            self.events.warning("lease-lost", job=job.id, lane=job.lane)
