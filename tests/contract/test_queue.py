"""What every queue must do; the fake and the real one pass the same tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Protocol

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from db.queue import _CLAIM, PostgresQueue, enqueue, finish
from domain.errors import LeaseLost
from domain.jobs import Job, JobKind, ReasonClass
from domain.ports import Queue
from domain.priority import Priority
from tests.conftest import migrated
from tests.fakes import FakeQueue

LEASE = timedelta(seconds=30)
NOW = timedelta(0)
LANE = "classify"


class Subject(Protocol):
    """A queue with what a test needs to drive it."""

    queue: Queue

    def add(
        self,
        lane: str,
        subject_id: int,
        *,
        max_attempts: int | None = 3,
        after: timedelta = NOW,
        priority: Priority = Priority.ROUTINE,
    ) -> int: ...
    def finish(self, job: Job) -> None: ...
    def pass_time(self, by: timedelta) -> None: ...
    def state(self, job_id: int) -> tuple[str, int, str | None]: ...


class OnPostgres:
    """The real queue; time passes by moving every time in the table back."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.queue = PostgresQueue(engine)

    def add(
        self,
        lane: str,
        subject_id: int,
        *,
        max_attempts: int | None = 3,
        after: timedelta = NOW,
        priority: Priority = Priority.ROUTINE,
    ) -> int:
        with transaction(self.engine) as connection:
            enqueue(
                connection,
                JobKind.CLASSIFY,
                lane,
                subject_id,
                max_attempts=max_attempts,
                after=after,
                priority=priority,
            )
            return int(connection.execute(text("SELECT max(id) FROM jobs")).scalar_one())

    def finish(self, job: Job) -> None:
        with transaction(self.engine) as connection:
            finish(connection, job)

    def pass_time(self, by: timedelta) -> None:
        with transaction(self.engine) as connection:
            statement = (
                "UPDATE jobs SET run_after = run_after - :by, turn = turn - :by, lease_until = lease_until - :by"
            )
            connection.execute(text(statement), {"by": by})

    def state(self, job_id: int) -> tuple[str, int, str | None]:
        with transaction(self.engine) as connection:
            query = text("SELECT state, attempts, reason FROM jobs WHERE id = :id")
            row = connection.execute(query, {"id": job_id}).one()
        return row.state, row.attempts, row.reason


class InMemory(FakeQueue):
    """The fake, which is its own queue."""

    @property
    def queue(self) -> Queue:
        return self


@pytest.fixture
def postgres(engine: Engine) -> Iterator[OnPostgres]:
    """The real queue on each kind of server in turn."""
    subject = OnPostgres(engine)
    yield subject
    subject.queue.close()


@pytest.fixture(params=["memory", "embedded", pytest.param("distribution", marks=pytest.mark.peers)])
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """Each queue in turn."""
    if request.param == "memory":
        yield InMemory()
        return
    with migrated(request.getfixturevalue(f"{request.param}_url")) as engine:
        subject = OnPostgres(engine)
        yield subject
        subject.queue.close()


def claim(subject: Subject, lane: str = LANE) -> Job:
    (job,) = subject.queue.claim(lane, worker="host:1", lease=LEASE)
    return job


def nothing_due(subject: Subject, lane: str = LANE) -> bool:
    return subject.queue.claim(lane, worker="host:1", lease=LEASE) == []


def test_a_claimed_job_is_nobody_elses(subject: Subject) -> None:
    """The second claim finds nothing."""
    subject.add(LANE, 1)
    assert claim(subject).subject_id == 1
    assert nothing_due(subject)


def test_the_job_due_for_longest_comes_first(subject: Subject) -> None:
    """First due, first served."""
    subject.add(LANE, 1, after=timedelta(seconds=20))
    subject.add(LANE, 2, after=timedelta(seconds=10))
    subject.pass_time(timedelta(seconds=30))
    assert [claim(subject).subject_id, claim(subject).subject_id] == [2, 1]


def test_an_urgent_job_overtakes(subject: Subject) -> None:
    """STAT before routine before low, whatever came first."""
    for number, priority in enumerate([Priority.LOW, Priority.ROUTINE, Priority.STAT]):
        subject.add(LANE, number, priority=priority)
    assert [claim(subject).subject_id for _ in range(3)] == [2, 1, 0]


def test_what_waits_long_becomes_more_urgent(subject: Subject) -> None:
    """LOW in two steps up to HIGH, where it is before what came later; it never overtakes STAT."""
    step = timedelta(minutes=15)
    old = subject.add(LANE, 1, priority=Priority.LOW)
    assert subject.queue.age(step=step) == 0
    for _ in range(2):
        subject.pass_time(step * 1.1)
        assert subject.queue.age(step=step) == 1
    subject.pass_time(step * 10)
    assert subject.queue.age(step=step) == 0
    subject.add(LANE, 2, priority=Priority.HIGH)
    stat = subject.add(LANE, 3, priority=Priority.STAT)
    assert [claim(subject).id for _ in range(2)] == [stat, old]


def test_a_job_is_not_due_before_its_time(subject: Subject) -> None:
    """It can be claimed when its time has come."""
    subject.add(LANE, 1, after=timedelta(seconds=5))
    assert nothing_due(subject)
    subject.pass_time(timedelta(seconds=5))
    assert claim(subject).attempt == 1


def test_lanes_do_not_see_each_other(subject: Subject) -> None:
    """A job of one lane is not claimed from another."""
    subject.add("deliver:pacs", 1)
    assert nothing_due(subject)
    assert claim(subject, "deliver:pacs").lane == "deliver:pacs"


def test_one_subject_is_not_worked_on_twice_at_once(subject: Subject) -> None:
    """A late film's job waits until the study's running job has ended."""
    subject.add(LANE, 1)
    subject.add(LANE, 1)
    running = claim(subject)
    assert nothing_due(subject)
    subject.finish(running)
    assert claim(subject).subject_id == 1


def test_a_retried_job_is_due_later_and_says_why(subject: Subject) -> None:
    """The next claim counts as the second attempt."""
    job_id = subject.add(LANE, 1)
    subject.queue.retry(
        claim(subject), after=timedelta(seconds=8), reason="the peer is away", reason_class=ReasonClass.TRANSIENT
    )
    assert subject.state(job_id) == ("waiting", 1, "the peer is away")
    assert nothing_due(subject)
    subject.pass_time(timedelta(seconds=8))
    assert claim(subject).attempt == 2


def test_what_failed_for_a_while_is_recalled(subject: Subject) -> None:
    """By priority, each lane by itself; what never failed, or in another way, keeps its time."""
    subject.add(LANE, 1)
    subject.add(LANE, 2, priority=Priority.STAT)
    subject.add(LANE, 3)
    for reason_class in (ReasonClass.TRANSIENT, ReasonClass.TRANSIENT, ReasonClass.UNEXPECTED):
        subject.queue.retry(claim(subject), after=timedelta(minutes=1), reason="away", reason_class=reason_class)
    subject.add(LANE, 4, after=timedelta(minutes=1))
    assert [subject.queue.recall(lane) for lane in ("deliver:pacs", LANE, LANE)] == [0, 2, 0]
    assert [claim(subject).subject_id for _ in range(2)] == [2, 1]
    assert nothing_due(subject)


def test_a_held_job_stays_out_of_its_lane(subject: Subject) -> None:
    """However much time passes."""
    job_id = subject.add(LANE, 1)
    subject.queue.hold(claim(subject), reason="the peer refused the report", reason_class=ReasonClass.PERMANENT)
    subject.pass_time(timedelta(days=9))
    assert subject.queue.reap() == 0
    assert nothing_due(subject)
    assert subject.state(job_id) == ("held", 1, "the peer refused the report")


def test_a_released_job_is_due_at_once_and_not_counted(subject: Subject) -> None:
    """A worker that stops gives its job back as it was."""
    subject.add(LANE, 1)
    subject.queue.release([claim(subject)])
    assert claim(subject).attempt == 1


def test_an_expired_lease_returns_the_job(subject: Subject) -> None:
    """The job of a dead worker is taken up by another one."""
    subject.add(LANE, 1)
    claim(subject)
    assert subject.queue.reap() == 0
    subject.pass_time(LEASE * 2)
    assert subject.queue.reap() == 1
    assert claim(subject).attempt == 2


def test_a_job_that_killed_its_last_worker_is_held(subject: Subject) -> None:
    """A lease that expires on the last attempt ends the tries."""
    job_id = subject.add(LANE, 1, max_attempts=1)
    claim(subject)
    subject.pass_time(LEASE * 2)
    subject.queue.reap()
    assert subject.state(job_id)[0] == "held"


def test_a_renewed_lease_does_not_expire(subject: Subject) -> None:
    """The heartbeat counts from now."""
    subject.add(LANE, 1)
    job = claim(subject)
    subject.pass_time(LEASE * 0.9)
    assert subject.queue.renew([job], lease=LEASE) == frozenset()
    subject.pass_time(LEASE * 0.9)
    assert subject.queue.reap() == 0


@pytest.mark.parametrize(
    "settle",
    [
        lambda subject, job: subject.finish(job),
        lambda subject, job: subject.queue.retry(job, after=NOW, reason="away", reason_class=ReasonClass.TRANSIENT),
        lambda subject, job: subject.queue.hold(job, reason="refused", reason_class=ReasonClass.PERMANENT),
    ],
    ids=["finish", "retry", "hold"],
)
def test_a_worker_that_lost_its_lease_can_not_settle(subject: Subject, settle: Callable[[Subject, Job], None]) -> None:
    """Its token is worth nothing once another worker has the job."""
    job_id = subject.add(LANE, 1)
    slow = claim(subject)
    subject.pass_time(LEASE * 2)
    subject.queue.reap()
    claim(subject)
    with pytest.raises(LeaseLost):
        settle(subject, slow)
    assert subject.state(job_id)[:2] == ("leased", 2)


def test_a_worker_that_lost_its_lease_hears_of_it(subject: Subject) -> None:
    """Renewing names the job, and giving it back takes nothing from its successor."""
    job_id = subject.add(LANE, 1)
    other = subject.add(LANE, 2)
    slow, kept = subject.queue.claim(LANE, worker="host:1", lease=LEASE, limit=2)
    subject.pass_time(LEASE * 0.9)
    assert subject.queue.renew([kept], lease=LEASE) == frozenset()
    subject.pass_time(LEASE * 0.9)
    subject.queue.reap()
    claim(subject)
    assert subject.queue.renew([slow, kept], lease=LEASE) == frozenset({job_id})
    subject.queue.release([slow, kept])
    assert subject.state(job_id)[:2] == ("leased", 2)
    assert subject.state(other)[:2] == ("waiting", 0)


def test_a_batch_is_claimed_in_the_order_of_single_claims(subject: Subject) -> None:
    """The most urgent first, no more than asked for, the rest stays."""
    subject.add(LANE, 1)
    subject.add(LANE, 2, priority=Priority.STAT)
    subject.add(LANE, 3)
    jobs = subject.queue.claim(LANE, worker="host:1", lease=LEASE, limit=2)
    assert [job.subject_id for job in jobs] == [2, 1]
    assert len({job.lease_token for job in jobs}) == 2
    assert claim(subject).subject_id == 3


def test_a_batch_never_holds_one_subject_twice(subject: Subject) -> None:
    """A job that an operator requeued waits for the end of the other one about the same study."""
    subject.add(LANE, 1)
    second = subject.add(LANE, 1)
    (running,) = subject.queue.claim(LANE, worker="host:1", lease=LEASE, limit=5)
    assert subject.state(second)[:2] == ("waiting", 0)
    subject.finish(running)
    assert claim(subject).id == second


def test_the_reason_of_the_last_try_comes_with_the_next(subject: Subject) -> None:
    """Whoever claims a job knows whether a film killed its decoder before."""
    subject.add(LANE, 1)
    first = claim(subject)
    assert first.last_failure is None
    subject.queue.retry(first, after=NOW, reason="it crashed", reason_class=ReasonClass.CRASHED)
    assert claim(subject).last_failure is ReasonClass.CRASHED


def test_a_claim_alone_does_not_wait_for_the_disk(postgres: OnPostgres) -> None:
    """What is settled on the same connection afterwards does."""
    postgres.add(LANE, 1)
    claim_it = {"lane": LANE, "worker": "host:1", "lease": LEASE, "limit": 1}
    setting = text("SHOW synchronous_commit")
    with postgres.engine.connect() as connection:
        with connection.begin():
            assert connection.execute(_CLAIM, claim_it).all()
            assert connection.execute(setting).scalar_one() == "off"
        assert connection.execute(setting).scalar_one() == "on"


def test_workers_that_race_share_the_jobs(postgres: OnPostgres) -> None:
    """Of 60 jobs each is claimed by exactly one of six threads."""
    for number in range(60):
        postgres.add(LANE, number)
    claimed: list[int] = []

    def work() -> None:
        queue = PostgresQueue(postgres.engine)
        while jobs := queue.claim(LANE, worker="host:1", lease=LEASE, limit=4):
            claimed.extend(job.subject_id for job in jobs)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == list(range(60))


def test_a_waiting_worker_is_woken_by_a_new_job(postgres: OnPostgres) -> None:
    """It does not sleep for its whole minute."""
    woken = threading.Event()

    def sleep() -> None:
        postgres.queue.wait(LANE, at_most=timedelta(seconds=60))
        woken.set()

    thread = threading.Thread(target=sleep)
    thread.start()
    while not woken.wait(0.2):
        postgres.add(LANE, 1)
    thread.join()


def test_a_waiting_worker_ignores_other_lanes(postgres: OnPostgres) -> None:
    """It sleeps its time out."""
    postgres.queue.wait(LANE, at_most=timedelta(0))
    postgres.add("deliver:pacs", 1)
    before = time.monotonic()
    postgres.queue.wait(LANE, at_most=timedelta(seconds=0.5))
    assert time.monotonic() - before >= 0.5


def test_a_claim_finds_its_job_by_the_index_of_its_lane(postgres: OnPostgres) -> None:
    """Among thousands that wait in other lanes and thousands that are done."""
    fill = """
        INSERT INTO jobs (kind, lane, subject_id, state) SELECT 'deliver', 'deliver:' || n % 20, n,
        CASE WHEN n % 3 = 0 THEN 'waiting' ELSE 'done' END FROM generate_series(1, 6000) AS n
    """
    claim_it = {"lane": "deliver:7", "worker": "host:1", "lease": LEASE, "limit": 16}
    with transaction(postgres.engine) as connection:
        connection.execute(text(fill))
        connection.execute(text("ANALYZE jobs"))
        plan = "\n".join(connection.execute(text(f"EXPLAIN {_CLAIM.text}"), claim_it).scalars())
    assert "jobs_waiting " in plan
    assert "Seq Scan on jobs" not in plan
