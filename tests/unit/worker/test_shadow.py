"""The lane of a shadow: when it works, and what becomes of a shadow that fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from domain.errors import Crashed, Misconfigured, Permanent, Transient
from domain.film import StoredFilm
from domain.findings import Findings, ModelVersion, Probabilities
from domain.ids import FindingsId
from domain.jobs import Job
from domain.shadow import Appointment
from tests.fakes import MODEL, FakeQueue, RecordedEvents, stored_film
from worker.aftermath import Aftermath
from worker.guard import Guard
from worker.retry import Backoff
from worker.shadow import Shadowing

LANE = "shadow:test-network-1.0.0"
LEASE = timedelta(seconds=30)
SCORES = Probabilities(covid19=0.1, normal=0.8, pneumonia=0.1)


@dataclass
class Understudy:
    """A shadow without a process."""

    failure: Exception | None = None
    is_closed: bool = False
    is_killed: bool = False
    model: ModelVersion = MODEL

    def examine(self, films: tuple[StoredFilm, ...]) -> Findings:
        """Fail, or find the same each time."""
        if self.failure is not None:
            raise self.failure
        return Findings(model=MODEL, films=films, analysed=films[0], probabilities=SCORES)

    def kill(self) -> None:
        """Remember it."""
        self.is_killed = True

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True


@dataclass
class Ward:
    """The database and the registry of an installation, in memory; one result waits for the shadow."""

    queue: FakeQueue = field(default_factory=FakeQueue)
    events: RecordedEvents = field(default_factory=RecordedEvents)
    appointment: Appointment | None = field(default_factory=lambda: Appointment("test-network-1.0.0", "ab"))
    understudy: Understudy = field(default_factory=Understudy)
    cannot_load: str = ""
    loads: int = 0
    is_busy: bool = False
    kept: list[Findings] = field(default_factory=list)
    fed: list[int] = field(default_factory=list)

    def is_live_work_due(self) -> bool:
        """As the test says."""
        return self.is_busy

    def feed(self, lane: str, model: ModelVersion, *, most: int) -> None:
        """Remember how much was allowed."""
        assert (lane, model) == (LANE, MODEL)
        self.fed.append(most)

    def films(self, findings: FindingsId) -> tuple[StoredFilm, ...]:
        """Return one film."""
        return (stored_film(findings),)

    def settle(self, job: Job, findings: Findings, *, seconds: float) -> None:
        """Keep it, and end the job."""
        assert seconds >= 0
        self.queue.finish(job)
        self.kept.append(findings)

    def load(self, appointment: Appointment) -> Understudy:
        """Return the understudy, unless the test does not want it."""
        assert appointment == self.appointment
        self.loads += 1
        if self.cannot_load:
            raise Misconfigured(self.cannot_load)
        return self.understudy

    def lane(self) -> Shadowing:
        """Return what is tested."""
        backoff = Backoff(first=timedelta(seconds=2), limit=timedelta(seconds=60))
        return Shadowing(
            guard=Guard(lane="shadow", queue=self.queue, events=self.events),
            shadows=self,
            appointed=lambda: self.appointment,
            load=self.load,
            worker="host:1",
            lease=LEASE,
            aftermath=Aftermath(queue=self.queue, backoff=backoff, events=self.events),
            backlog=7,
        )


def test_what_it_says_is_kept() -> None:
    """And its job is done."""
    ward = Ward()
    job = ward.queue.add(LANE, 1)
    assert ward.lane().step()
    assert (ward.queue.state(job)[0], ward.fed) == ("done", [7])
    assert [one.probabilities for one in ward.kept] == [SCORES]


def test_without_a_shadow_nothing_is_asked() -> None:
    """Not even the database."""
    ward = Ward(appointment=None)
    assert not ward.lane().step()
    assert (ward.loads, ward.fed) == (0, [])


def test_live_work_comes_first() -> None:
    """While a study waits for its result the shadow is not loaded; once loaded it claims nothing."""
    ward = Ward(is_busy=True)
    job, lane = ward.queue.add(LANE, 1), ward.lane()
    assert (lane.step(), ward.loads) == (False, 0)
    ward.is_busy = False
    lane.step()
    later = ward.queue.add(LANE, 2)
    ward.is_busy = True
    assert not lane.step()
    assert (ward.queue.state(job)[0], ward.queue.state(later)[0]) == ("done", "waiting")
    assert len(ward.fed) == 2  # what is too much is skipped nevertheless


def test_a_crash_ends_the_process_and_the_study_is_tried_once_more() -> None:
    """By another process; then its job is held."""
    ward = Ward(understudy=Understudy(failure=Crashed("took longer")))
    job, lane = ward.queue.add(LANE, 1), ward.lane()
    assert lane.step()
    assert (ward.queue.state(job)[0], ward.understudy.is_closed) == ("waiting", True)
    ward.queue.pass_time(timedelta(seconds=2))
    lane.step()
    assert (ward.queue.state(job)[0], ward.loads) == ("held", 2)


def test_a_held_job_of_a_shadow_rings_no_alarm() -> None:
    """It is a warning under its own name, with the reason; nothing is told as an error."""
    ward = Ward(understudy=Understudy(failure=Permanent("it is no film")))
    job = ward.queue.add(LANE, 1)
    ward.lane().step()
    held = {"job": job, "lane": LANE, "attempt": 1, "reason": "it is no film"}
    assert ("warning", "shadow-job-held", held) in ward.events.told
    assert "error" not in {level for level, _, _ in ward.events.told}


def test_a_store_that_is_away_does_not_cost_the_process() -> None:
    """The study is tried again."""
    ward = Ward(understudy=Understudy(failure=Transient("the store is away")))
    job = ward.queue.add(LANE, 1)
    ward.lane().step()
    assert (ward.queue.state(job), ward.understudy.is_closed) == (("waiting", 1, "the store is away"), False)


def test_a_network_that_can_not_be_loaded_is_left_alone_and_told_once() -> None:
    """It neither ends the worker nor touches what waits."""
    ward = Ward(cannot_load="it is gone")
    job, lane = ward.queue.add(LANE, 1), ward.lane()
    assert not lane.step()
    assert not lane.step()
    assert (ward.loads, ward.queue.state(job)) == (1, ("waiting", 0, None))
    assert ward.events.names() == ["shadow-not-loaded"]
    assert not lane.guard.stop.is_set()


def test_another_shadow_takes_over_at_once() -> None:
    """The process of the one before ends."""
    ward = Ward()
    lane = ward.lane()
    lane.step()
    before, ward.understudy = ward.understudy, Understudy()
    ward.appointment = Appointment("test-network-1.0.0", "cd")
    lane.step()
    assert (before.is_closed, ward.understudy.is_closed, ward.loads) == (True, False, 2)


def test_a_shadow_that_was_stopped_ends() -> None:
    """Its process does; what waits is left."""
    ward = Ward()
    lane = ward.lane()
    lane.step()
    ward.appointment = None
    job = ward.queue.add(LANE, 1)
    assert not lane.step()
    assert (ward.understudy.is_closed, ward.queue.state(job)[0]) == (True, "waiting")


def test_a_stop_does_not_wait_for_the_shadow() -> None:
    """Its process is killed, and its study given back without a try."""
    ward = Ward(understudy=Understudy(failure=Crashed("killed")))
    job, lane = ward.queue.add(LANE, 1), ward.lane()
    ward.understudy.failure = None
    lane.step()
    ward.understudy.failure = Crashed("killed")
    later = ward.queue.add(LANE, 2)
    lane.end()
    lane.step()
    assert ward.understudy.is_killed
    assert (ward.queue.state(job)[0], ward.queue.state(later)[:2]) == ("done", ("waiting", 0))
