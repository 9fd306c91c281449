"""The lane of a shadow: when no live work is due, its network looks at what the active one has looked at."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.errors import Crashed, Misconfigured
from domain.ids import FindingsId
from domain.jobs import shadow_lane
from worker.leases import Leases

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from domain.jobs import Job
    from domain.shadow import Appointment, Shadows, Understudy
    from worker.aftermath import Aftermath
    from worker.guard import Guard

_LOOK_SECONDS = 1.0
"""How often an idle shadow looks for work, and for another shadow."""
_REFUSED_SECONDS = 60.0
"""How long a shadow that can't be loaded is left alone."""


@dataclass(kw_only=True)
class Shadowing:
    """Works off the lane of whichever network is the shadow, one study at a time, until its guard has it stop.

    The guard is its own: whatever goes wrong here ends nothing else.
    """

    guard: Guard
    shadows: Shadows
    appointed: Callable[[], Appointment | None]
    """Says which network is the shadow now; asked again and again."""
    load: Callable[[Appointment], Understudy]
    worker: str
    lease: timedelta
    aftermath: Aftermath
    backlog: int
    """Studies that may wait for the shadow, or be held."""
    leases: Leases = field(init=False)
    _appointment: Appointment | None = field(default=None, init=False)
    """Of `_understudy`, or of the one that could not be loaded."""
    _understudy: Understudy | None = field(default=None, init=False)
    _refused_at: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.leases = Leases(queue=self.guard.queue, length=self.lease, events=self.guard.events)

    def run(self) -> None:
        """Work until told to stop."""
        while not self.guard.stop.is_set():
            self.guard.does(self._work)
        self._dismiss()

    def end(self) -> None:
        """Stop at once, from another thread: what the shadow is at is given back."""
        self.guard.stop.set()
        understudy = self._understudy
        if understudy is not None:
            understudy.kill()

    def _work(self) -> None:
        if not self.step():
            self.guard.stop.wait(_LOOK_SECONDS)

    def step(self) -> bool:
        """Look at one study; say whether there was one to look at.

        Raises:
            Transient: the database can't be reached.
        """
        try:
            understudy = self._present()
        except Misconfigured as error:
            self._refuse(error)
            return False
        if understudy is None:
            return False
        lane = shadow_lane(f"{understudy.model.name}-{understudy.model.version}")
        self.shadows.feed(lane, understudy.model, most=self.backlog)
        if self.shadows.is_live_work_due():
            return False
        jobs = self.guard.queue.claim(lane, worker=self.worker, lease=self.lease, limit=1)
        self.leases.take(jobs)
        try:
            for job in jobs:
                self._look(job, understudy)
        finally:
            self.leases.give_back()
        return bool(jobs)

    def _present(self) -> Understudy | None:
        """Return the shadow, loaded; None where there is none, or it is not loaded while other work is due."""
        appointment = self.appointed()
        if appointment != self._appointment:
            self._dismiss()
            self._appointment, self._refused_at = appointment, None
        is_refused = self._refused_at is not None and time.monotonic() - self._refused_at < _REFUSED_SECONDS
        if appointment is None or is_refused:
            return None
        if self._understudy is None and not self.shadows.is_live_work_due():
            self._understudy = self.load(appointment)
            self.guard.events.info("shadow-ready", model=appointment.title, sha256=appointment.sha256)
        return self._understudy

    def _look(self, job: Job, understudy: Understudy) -> None:
        begun = time.monotonic()
        try:
            findings = understudy.examine(self.shadows.films(FindingsId(job.subject_id)))
            self.shadows.settle(job, findings, seconds=time.monotonic() - begun)
        except Misconfigured as error:
            self._refuse(error)  # and the job is given back
        except Exception as error:  # noqa: BLE001 - a study may fail in any way, and none may end the lane
            if isinstance(error, Crashed):
                self._dismiss()
            if not self.guard.stop.is_set():  # else it was killed, and the job is given back
                self.aftermath.failed(job, error)
                self.leases.drop([job])
        else:
            self.aftermath.done(job, findings.outcome)
            self.leases.drop([job])

    def _refuse(self, error: Misconfigured) -> None:
        """Leave a network alone that can't be used; what its lane holds waits, and nothing else does."""
        self._dismiss()
        if self._refused_at is None or time.monotonic() - self._refused_at >= _REFUSED_SECONDS:
            self.guard.events.warning("shadow-not-loaded", reason=str(error))
            self._refused_at = time.monotonic()

    def _dismiss(self) -> None:
        understudy, self._understudy = self._understudy, None
        if understudy is not None:
            understudy.close()
