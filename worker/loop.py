"""The loop of one lane: claim a few jobs, run one after the other, settle each, whatever happens."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from domain.errors import Away
from domain.measures import JOB_SECONDS
from worker.leases import Leases

if TYPE_CHECKING:
    from domain.jobs import Job
    from worker.aftermath import Aftermath
    from worker.guard import Guard

LONGEST_SLEEP = timedelta(seconds=5)
"""A new job wakes the loop at once; this is for announcements that were lost."""


class Handler(Protocol):
    """Does the work of one kind of job and settles it."""

    def run(self, job: Job) -> str:
        """Do the work and say in a word what came of it; every foreseen failure is one of `domain.errors`.

        Raises:
            Away: whom all work of the lane is for can't be reached.
        """
        ...


@dataclass(kw_only=True)
class Loop:
    """Works off one lane, one job at a time, until its guard has it stop."""

    guard: Guard
    handler: Handler
    worker: str
    lease: timedelta
    aftermath: Aftermath
    batch: int = 1
    """Jobs that are claimed together, in one round trip."""
    leases: Leases = field(init=False)
    """Of the jobs that are claimed and not settled."""
    _may_have_been_away: bool = field(default=True, init=False)
    """Whether the lane's peer was away, as far as we know, or may have been before we began."""

    def __post_init__(self) -> None:
        self.leases = Leases(
            queue=self.guard.queue, length=self.lease, events=self.guard.events, meters=self.guard.meters
        )

    def run(self) -> None:
        """Work until told to stop; the job at work is finished first, the rest of the batch is given back."""
        while not self.guard.stop.is_set():
            self.guard.does(self._work)

    def _work(self) -> None:
        if not self.step():
            self.guard.queue.wait(self.guard.lane, at_most=LONGEST_SLEEP)

    def step(self) -> bool:
        """Claim and run a batch of jobs; say whether there was one.

        When the peer is back, its first job makes all that waited for it due, and the rest of the batch is given back:
        the next claim is by priority among all of them.

        Raises:
            Transient: the queue itself can't be reached; a claimed job's lease will expire and be taken up again.
            Misconfigured: the installation is wrong.
        """
        jobs = self.guard.queue.claim(self.guard.lane, worker=self.worker, lease=self.lease, limit=self.batch)
        self.leases.take(jobs)
        try:
            for job in jobs:
                if self.guard.stop.is_set():
                    break
                if self.leases.still_ours(job) and self._ran_well(job) and self._may_have_been_away:
                    self._recall()
                    break  # what waited may be more urgent than the rest of the batch
        finally:
            self.leases.give_back()
        return bool(jobs)

    def _ran_well(self, job: Job) -> bool:
        began = time.monotonic()
        try:
            outcome = self.handler.run(job)
        except Exception as error:  # noqa: BLE001 - a job may fail in any way, and none may end the loop
            self._may_have_been_away |= isinstance(error, Away)
            self.aftermath.failed(job, error)
            return False
        else:
            self.aftermath.done(job, outcome)
            return True
        finally:
            self.guard.meters.observe(JOB_SECONDS, time.monotonic() - began, lane=job.lane)
            self.leases.drop([job])
            self.guard.pulse.beat()

    def _recall(self) -> None:
        recalled = self.guard.queue.recall(self.guard.lane)
        self._may_have_been_away = False
        if recalled:
            self.guard.events.info("peer-back", lane=self.guard.lane, count=recalled)
