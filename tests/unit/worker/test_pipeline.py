"""The line of classifications: what goes together, what overlaps, and what becomes of each study."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from domain.errors import Crashed, Misconfigured, Transient, Unforeseen
from domain.film import Unsuitable
from domain.findings import Label
from domain.ids import StudyId
from domain.jobs import ReasonClass
from tests.fake_studies import FakeStudies
from tests.fakes import FakeClassifier, FakeDarkroom, FakeFilms, FakeQueue, RecordedEvents, stored_film
from tests.peers import wait_for
from worker.aftermath import Aftermath
from worker.classify import develop
from worker.guard import Guard
from worker.pipeline import Pipeline
from worker.retry import Backoff

LEASE = timedelta(seconds=30)


@dataclass
class Line:
    """A pipeline between fakes, run in a thread until nothing is due."""

    darkroom: FakeDarkroom = field(default_factory=FakeDarkroom)
    classifier: FakeClassifier = field(default_factory=FakeClassifier)
    batch: int = 4
    queue: FakeQueue = field(default_factory=FakeQueue)
    events: RecordedEvents = field(default_factory=RecordedEvents)

    def __post_init__(self) -> None:
        self.studies = FakeStudies(queue=self.queue)
        backoff = Backoff(first=timedelta(hours=1), limit=timedelta(hours=1))
        guard = Guard(lane="classify", queue=self.queue, events=self.events)
        self.pipeline = Pipeline(
            guard=guard,
            studies=self.studies,
            darkroom=self.darkroom,
            classifier=self.classifier,
            worker="host:1",
            lease=LEASE,
            aftermath=Aftermath(queue=self.queue, backoff=backoff, events=self.events),
            batch=self.batch,
            patience=timedelta(milliseconds=20),
        )

    def add(self, *numbers: int, max_attempts: int = 3, films: int = 1) -> list[int]:
        """Have studies wait; return the ids of their jobs."""
        for number in numbers:
            self.studies.by_id[number] = tuple(stored_film(film, study=number) for film in range(1, films + 1))
        return [self.queue.add("classify", number, max_attempts=max_attempts) for number in numbers]

    def run(self) -> None:
        """Work until nothing is claimed or can be."""
        thread = self.start()
        wait_for(lambda: not self._is_busy() or self.pipeline.guard.stop.is_set())
        self.stop(thread)

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self.pipeline.run)
        thread.start()
        return thread

    def stop(self, thread: threading.Thread) -> None:
        self.pipeline.guard.stop.set()
        thread.join(10)
        assert not thread.is_alive()

    def states(self, jobs: list[int]) -> list[str]:
        return [str(self.queue.state(job)[0]) for job in jobs]

    def _is_busy(self) -> bool:
        now = self.queue._now()
        return any(
            row.state == "leased" or (row.state == "waiting" and row.due <= now)
            for row in list(self.queue.rows.values())
        )


def test_waiting_studies_are_computed_and_settled_together() -> None:
    """Eight studies take fewer computations and transactions than eight, and none has more than the batch."""
    line = Line(batch=4)
    jobs = line.add(*range(1, 9))
    line.run()
    assert line.states(jobs) == ["done"] * 8
    assert sum(line.classifier.batches) == 8
    assert len(line.classifier.batches) < 8
    assert max(line.classifier.batches) <= 4
    assert sum(line.studies.settled) == 8
    assert {findings.label for findings in line.studies.stored} == {Label.COVID19}


def test_a_lone_study_is_not_kept_waiting_for_others() -> None:
    """While nothing else is being developed, it is computed at once."""
    line = Line(batch=4)
    line.pipeline.patience = timedelta(hours=1)
    jobs = line.add(1)
    line.run()
    assert line.states(jobs) == ["done"]


def test_a_film_that_kills_its_decoder_harms_nobody_else() -> None:
    """Its neighbours are classified; it is tried once more, then held with a reason."""
    line = Line()
    poison = stored_film(1, study=2)
    line.darkroom.failures[poison.sop_instance_uid] = Crashed("decoding a film ended its process")
    jobs = line.add(1, 2, 3)
    line.run()
    assert line.states(jobs) == ["done", "waiting", "done"]
    line.queue.pass_time(timedelta(hours=2))
    line.pipeline.guard.stop.clear()
    line.run()
    assert line.queue.state(jobs[1]) == ("held", 2, "decoding a film ended its process (given up after 2 tries)")
    assert line.queue.reason_classes == [ReasonClass.CRASHED] * 2


def test_a_store_that_is_away_is_tried_again() -> None:
    """The study waits with the reason."""
    line = Line()
    line.darkroom.failures[stored_film(1, study=1).sop_instance_uid] = Transient("a film can't be read")
    (job,) = line.add(1)
    line.run()
    assert line.queue.state(job) == ("waiting", 1, "a film can't be read")


def test_a_defect_of_the_reader_shows_its_type_only() -> None:
    """As every unforeseen error."""
    line = Line()
    line.darkroom.failures[stored_film(1, study=1).sop_instance_uid] = Unforeseen("KeyError")
    (job,) = line.add(1)
    line.run()
    assert line.queue.state(job) == ("waiting", 1, "unexpected KeyError")


def test_a_study_without_films_is_held() -> None:
    """It would be without films at the next try as well."""
    line = Line()
    (job,) = line.add(1)
    line.studies.by_id.clear()
    line.run()
    assert line.queue.state(job) == ("held", 1, "the study has no films")


def test_a_study_without_a_usable_film_gets_its_reason_without_the_network() -> None:
    """The network is not asked."""
    line = Line(darkroom=FakeDarkroom(FakeFilms(broken={stored_film(1).sop_instance_uid: Unsuitable.TOO_SMALL})))
    line.add(1)
    line.run()
    assert [findings.unsuitable for findings in line.studies.stored] == [Unsuitable.TOO_SMALL]
    assert line.classifier.batches == []


def test_a_film_that_the_network_refuses_gives_way_to_the_next() -> None:
    """Two films of one study are looked at, and both are accounted for."""
    line = Line(classifier=FakeClassifier(refuses=1))
    line.add(1, films=2)
    line.run()
    (examined,) = line.studies.seen
    first, second = line.studies.by_id[1]
    assert examined.findings.analysed == second
    assert examined.films[first.sop_instance_uid].unsuitable is Unsuitable.NO_LUNGS


def test_a_network_that_fails_at_a_batch_is_asked_for_each_film() -> None:
    """A batch too large for the memory costs no study its result."""
    line = Line(classifier=FakeClassifier(broken=1))
    jobs = line.add(1, 2, 3)
    line.run()
    assert line.states(jobs) == ["done"] * 3


def test_results_wait_for_a_database_that_is_away() -> None:
    """What was computed is stored when it is back: nothing is computed again."""
    line = Line()
    line.studies.failures = [Transient("the database can't be reached")]
    jobs = line.add(1)
    line.run()
    assert line.states(jobs) == ["done"]
    assert line.classifier.seen == 1
    assert "database-away" in line.events.names()


def test_a_line_that_can_not_store_within_its_lease_says_that_it_lost() -> None:
    """Others take the study up; whoever reads the log knows why it was computed twice."""
    line = Line()
    line.pipeline.lease = timedelta(0)
    line.studies.failures = [Transient("the database can't be reached")]
    (job,) = line.add(1)
    thread = line.start()
    wait_for(lambda: "lease-lost" in line.events.names())
    line.pipeline.guard.stop.set()
    line.queue.wake()
    thread.join(20)
    assert (thread.is_alive(), line.states([job])) == (False, ["leased"])


def test_a_stopped_line_does_not_press_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to stop, it tries to store what is in hand, with pauses, and stores it."""
    pauses: list[float] = []
    monkeypatch.setattr("worker.guard.sleep", pauses.append)
    line = Line(darkroom=FakeDarkroom(shut=True))
    (job,) = line.add(1)
    thread = line.start()
    wait_for(lambda: line.darkroom.waiting)
    future, films, seen = line.darkroom.waiting.pop()
    future.set_running_or_notify_cancel()
    line.studies.failures = [Transient("the database can't be reached") for _ in range(3)]
    line.pipeline.guard.stop.set()
    future.set_result(develop(line.darkroom.reader, films, seen))
    line.stop(thread)
    assert len(pauses) == 3
    assert line.queue.state(job)[0] == "done"


def test_one_result_that_can_not_be_stored_does_not_cost_the_others_theirs() -> None:
    """A failing transaction is tried again for each study."""
    line = Line()
    line.studies.failures = [ValueError(), ValueError()]
    jobs = line.add(1, 2, 3)
    line.run()
    assert sorted(line.states(jobs)) == ["done", "done", "waiting"]


def test_a_lost_job_is_left_to_its_new_owner() -> None:
    """A worker that was stopped for longer than its lease stores nothing, and computes nothing more of it."""
    line = Line(darkroom=FakeDarkroom(shut=True))
    (job,) = line.add(1)
    thread = line.start()
    wait_for(lambda: line.darkroom.waiting)
    line.queue.pass_time(LEASE * 2)
    line.queue.reap()
    assert len(line.queue.claim("classify", worker="other", lease=LEASE)) == 1
    line.pipeline.leases._renewed -= LEASE.total_seconds()
    line.darkroom.open()
    wait_for(lambda: not len(line.pipeline.leases))
    line.stop(thread)
    assert line.queue.state(job)[:2] == ("leased", 2)
    assert line.studies.stored == []
    assert line.classifier.batches == []


def test_a_stopped_line_gives_back_what_is_not_begun() -> None:
    """As if it had never been claimed."""
    line = Line(darkroom=FakeDarkroom(shut=True))
    jobs = line.add(1, 2, 3)
    thread = line.start()
    wait_for(lambda: len(line.darkroom.waiting) == 3)
    line.stop(thread)
    assert [line.queue.state(job)[:2] for job in jobs] == [("waiting", 0)] * 3


def test_no_more_is_claimed_than_there_is_room_for() -> None:
    """Other workers get the rest."""
    line = Line(darkroom=FakeDarkroom(shut=True), batch=2)
    jobs = line.add(*range(1, 21))
    thread = line.start()
    wait_for(lambda: len(line.darkroom.waiting) == line.pipeline.capacity)
    assert line.states(jobs).count("leased") == line.pipeline.capacity < 20
    line.stop(thread)


@pytest.mark.parametrize("where", ["darkroom", "network"])
def test_a_wrong_installation_ends_the_line_and_gives_its_jobs_back(where: str) -> None:
    """The reason is kept for whoever starts it."""
    line = Line()
    if where == "darkroom":
        line.darkroom.failures[stored_film(1, study=1).sop_instance_uid] = Misconfigured("nothing can be read")
    else:
        line.classifier.classify_squares = None  # type: ignore[assignment]
        line.classifier.classify_squares = _broken_installation  # type: ignore[method-assign]
    jobs = line.add(1)
    line.run()
    assert isinstance(line.pipeline.guard.failure, Misconfigured)
    assert line.queue.state(jobs[0])[:2] == ("waiting", 0)


def _broken_installation(_: object) -> list[object]:
    raise Misconfigured("the GPU is gone")


def test_study_ids_are_rows() -> None:
    """The subject of a job is the study's row."""
    line = Line()
    line.add(7)
    line.run()
    assert [findings.films[0].study_id for findings in line.studies.stored] == [StudyId(7)]
