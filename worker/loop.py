"""The loop of one lane: claim a few jobs, run one after the other, settle each, whatever happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

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
        """Do the work and say in a word what came of it; every foreseen failure is one of `domain.errors`."""
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

    def __post_init__(self) -> None:
        self.leases = Leases(queue=self.guard.queue, length=self.lease, events=self.guard.events)

    def run(self) -> None:
        """Work until told to stop; the job at work is finished first, the rest of the batch is given back."""
        while not self.guard.stop.is_set():
            self.guard.does(self._work)

    def _work(self) -> None:
        if not self.step():
            self.guard.queue.wait(self.guard.lane, at_most=LONGEST_SLEEP)

    def step(self) -> bool:
        """Claim and run a batch of jobs; say whether there was one.

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
                if self.leases.still_ours(job):
                    try:
                        self._run(job)
                    finally:
                        self.leases.drop([job])
        finally:
            self.leases.give_back()
        return bool(jobs)

    def _run(self, job: Job) -> None:
        try:
            outcome = self.handler.run(job)
        except Exception as error:  # noqa: BLE001 - a job may fail in any way, and none may end the loop
            self.aftermath.failed(job, error)
        else:
            self.aftermath.done(job, outcome)
