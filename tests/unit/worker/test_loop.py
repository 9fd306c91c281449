"""The loop: what becomes of a job by the way its handler ends."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.errors import Away, Crashed, Doubtful, HilumError, LeaseLost, Misconfigured, Permanent, Transient
from domain.findings import Outcome
from domain.jobs import Job, ReasonClass
from domain.priority import Priority
from tests.fakes import FakeQueue, RecordedEvents
from worker.aftermath import Aftermath
from worker.guard import Guard
from worker.loop import Loop
from worker.retry import Backoff
from worker.upkeep import reap

LEASE = timedelta(seconds=30)


class Handler:
    """Ends each job as it is told."""

    def __init__(self, end: Callable[[Job], Outcome]) -> None:
        self.run = end


def failing(error: Exception) -> Handler:
    def end(_: Job) -> Outcome:
        raise error

    return Handler(end)


def loop(queue: FakeQueue, handler: Handler, *, batch: int = 1) -> Loop:
    backoff = Backoff(first=timedelta(seconds=2), limit=timedelta(seconds=60))
    events = RecordedEvents()
    return Loop(
        guard=Guard(lane="classify", queue=queue, events=events),
        handler=handler,
        worker="host:1",
        lease=LEASE,
        aftermath=Aftermath(queue=queue, backoff=backoff, events=events),
        batch=batch,
    )


def test_an_empty_lane_is_no_work() -> None:
    """The step says that there was nothing to do."""
    assert not loop(FakeQueue(), failing(Permanent("never called"))).step()


def test_a_transient_failure_is_tried_again_later() -> None:
    """The job waits with its reason, and is not due before the pause is over."""
    queue = FakeQueue()
    job = queue.add("classify", 1)
    assert loop(queue, failing(Transient("the peer is away"))).step()
    assert queue.state(job) == ("waiting", 1, "the peer is away")
    assert queue.claim("classify", worker="w", lease=LEASE) == []
    queue.pass_time(timedelta(seconds=2))
    assert queue.claim("classify", worker="w", lease=LEASE) != []


def test_the_last_try_ends_held() -> None:
    """After its last attempt a job is held with what failed."""
    queue = FakeQueue()
    job = queue.add("classify", 1, max_attempts=1)
    loop(queue, failing(Transient("the spool is away"))).step()
    assert queue.state(job) == ("held", 1, "the spool is away (given up after 1 tries)")


def test_a_delivery_without_limit_never_gives_up_on_a_peer_that_is_away() -> None:
    """A job without a maximum is tried again however often it failed."""
    queue = FakeQueue()
    job = queue.add("classify", 1, max_attempts=None)
    work = loop(queue, failing(Transient("the peer is away")))
    for _ in range(50):
        queue.pass_time(timedelta(minutes=2))
        assert work.step()
    assert queue.state(job)[0] == "waiting"


def test_what_may_never_pass_is_tried_ten_times() -> None:
    """Then a person looks; a peer that is merely away is tried for ever."""
    queue = FakeQueue()
    job = queue.add("classify", 1, max_attempts=None)
    work = loop(queue, failing(Doubtful("the peer had an error")))
    for _ in range(9):
        work.step()
        queue.pass_time(timedelta(minutes=2))
    assert queue.state(job)[:2] == ("waiting", 9)
    work.step()
    assert queue.state(job) == ("held", 10, "the peer had an error (given up after 10 tries)")


def test_a_permanent_failure_is_held_at_once() -> None:
    """Trying again would fail again."""
    queue = FakeQueue()
    job = queue.add("classify", 1)
    loop(queue, failing(Permanent("the peer refused the report"))).step()
    assert queue.state(job) == ("held", 1, "the peer refused the report")


@pytest.mark.parametrize("error", [Permanent, Transient])
def test_what_a_peer_said_is_in_the_reason_but_not_in_the_log(error: type[HilumError]) -> None:
    """It may name a patient: who works off held jobs may read it, a log may not hold it."""
    queue = FakeQueue()
    job = queue.add("classify", 1)
    work = loop(queue, failing(error("the peer refused it", said="not for Doe^Jane")))
    work.step()
    assert queue.state(job)[2] == "the peer refused it; it said: not for Doe^Jane"
    assert isinstance(work.guard.events, RecordedEvents)
    assert "refused" in str(work.guard.events.told)
    assert "Doe" not in str(work.guard.events.told)


def test_an_unforeseen_error_shows_its_type_only() -> None:
    """The text of a foreign error may quote a patient's data: neither queue nor log has it."""
    queue = FakeQueue()
    job = queue.add("classify", 1)
    work = loop(queue, failing(KeyError("Doe^Jane")))
    work.step()
    assert queue.state(job) == ("waiting", 1, "unexpected KeyError")
    assert isinstance(work.guard.events, RecordedEvents)
    assert "Doe" not in str(work.guard.events.told)


def test_an_unforeseen_error_is_held_in_the_end_even_without_a_limit() -> None:
    """A bug must become visible, not loop for ever."""
    queue = FakeQueue()
    job = queue.add("classify", 1, max_attempts=None)
    work = loop(queue, failing(ZeroDivisionError()))
    for _ in range(5):
        work.step()
        queue.pass_time(timedelta(minutes=2))
    assert queue.state(job)[0] == "held"


def test_a_misconfigured_installation_stops_the_loop_and_gives_the_job_back() -> None:
    """The job is not to blame; its attempt is not counted."""
    queue = FakeQueue()
    job = queue.add("classify", 1)
    work = loop(queue, failing(Misconfigured("the model is damaged")))
    work.run()
    assert work.guard.stop.is_set()
    assert isinstance(work.guard.failure, Misconfigured)
    assert queue.state(job)[:2] == ("waiting", 0)


@pytest.mark.parametrize("error", [LeaseLost("taken"), Transient("away"), Permanent("no")])
def test_a_job_that_was_lost_is_left_to_its_new_owner(error: HilumError) -> None:
    """Whatever a worker without lease wants to say of a job is dropped."""
    queue = FakeQueue()

    def lose(_: Job) -> Outcome:
        queue.pass_time(LEASE * 2)
        reap(queue, RecordedEvents())
        assert queue.claim("classify", worker="other", lease=LEASE) != []
        raise error

    job = queue.add("classify", 1)
    loop(queue, Handler(lose)).step()
    assert queue.state(job)[:2] == ("leased", 2)


def test_a_heartbeat_keeps_the_lease_while_the_job_runs() -> None:
    """A job that takes longer than its lease stays with its worker."""
    queue = FakeQueue()

    def work_long(job: Job) -> Outcome:
        for _ in range(5):
            queue.pass_time(LEASE / 2)
            work.leases.beat()
            assert reap(queue, RecordedEvents()) == 0
        queue.finish(job)
        return Outcome.CLASSIFIED

    job = queue.add("classify", 1)
    work = loop(queue, Handler(work_long))
    work.step()
    assert queue.state(job)[0] == "done"


def test_a_job_whose_process_died_twice_is_held() -> None:
    """Once may be an accident; a film that does it again is taken out, though tries are left."""
    queue = FakeQueue()
    job = queue.add("classify", 1, max_attempts=5)
    work = loop(queue, failing(Crashed("decoding ended its process")))
    work.step()
    assert queue.state(job) == ("waiting", 1, "decoding ended its process")
    queue.pass_time(timedelta(minutes=2))
    work.step()
    assert queue.state(job) == ("held", 2, "decoding ended its process (given up after 2 tries)")
    assert queue.reason_classes == [ReasonClass.CRASHED] * 2


def test_a_stopped_loop_gives_the_rest_of_its_batch_back() -> None:
    """The job at work is finished; those behind it are as if they had never been claimed."""
    queue = FakeQueue()
    jobs = [queue.add("classify", number) for number in range(3)]

    def stop_after(job: Job) -> Outcome:
        queue.finish(job)
        work.guard.stop.set()
        return Outcome.CLASSIFIED

    work = loop(queue, Handler(stop_after), batch=3)
    work.run()
    assert [queue.state(job)[:2] for job in jobs] == [("done", 1), ("waiting", 0), ("waiting", 0)]


class Peer:
    """Takes what is sent to it, but while it is away, or what it can't take now."""

    def __init__(self, queue: FakeQueue, *, failure: Transient | None = None, fails: frozenset[int]) -> None:
        self.queue = queue
        self.failure = failure
        self.fails = fails
        self.took: list[int] = []

    def run(self, job: Job) -> str:
        """Take it, or fail."""
        if self.failure is not None and job.subject_id in self.fails:
            raise self.failure
        self.queue.finish(job)
        self.took.append(job.subject_id)
        return "sent"


def test_what_waited_for_a_peer_is_sent_by_priority_when_it_is_back() -> None:
    """The first job that succeeds makes the others due, and the rest of its batch goes back behind what is urgent."""
    queue = FakeQueue()
    stat = queue.add("classify", 0, priority=Priority.STAT)
    peer = Peer(queue, failure=Away("can't be reached"), fails=frozenset(range(5)))
    work = loop(queue, peer, batch=3)
    work.step()
    peer.failure = None
    for number in (1, 2, 3):
        queue.add("classify", number)
    while work.step():
        pass
    assert peer.took == [1, 0, 2, 3]
    assert [queue.state(job)[:2] for job in (stat, 3)] == [("done", 2), ("done", 1)]


def test_one_object_that_a_peer_can_not_take_now_keeps_its_pause() -> None:
    """Others succeed meanwhile: the peer was not away, and nothing is hurried."""
    queue = FakeQueue()
    peer = Peer(queue, failure=Transient("broke off the association"), fails=frozenset({2}))
    work = loop(queue, peer)
    for number in range(5):
        queue.add("classify", number)
    while work.step():
        pass
    assert peer.took == [0, 1, 3, 4]
    assert queue.state(3)[:2] == ("waiting", 1)


def test_a_worker_that_begins_recalls_what_failed_before() -> None:
    """It does not know whether the peer was away."""
    queue = FakeQueue()
    queue.add("classify", 1)
    loop(queue, failing(Transient("the peer is away"))).step()
    queue.add("classify", 2)
    peer = Peer(queue, fails=frozenset())
    work = loop(queue, peer)
    while work.step():
        pass
    assert peer.took == [2, 1]


def test_a_job_whose_lease_was_lost_while_it_waited_in_the_batch_is_not_begun() -> None:
    """A worker that was stopped for longer than its lease does not do again what its successor does."""
    queue = FakeQueue()
    first, second = queue.add("classify", 1), queue.add("classify", 2)
    seen = []

    def sleep_too_long(job: Job) -> Outcome:
        seen.append(job.id)
        queue.pass_time(LEASE * 2)
        reap(queue, RecordedEvents())
        assert len(queue.claim("classify", worker="other", lease=LEASE, limit=5)) == 2
        work.leases._renewed -= LEASE.total_seconds()
        raise LeaseLost("taken")

    work = loop(queue, Handler(sleep_too_long), batch=2)
    work.step()
    assert seen == [first]
    assert queue.state(second)[:2] == ("leased", 2)


def test_a_loop_ends_when_told() -> None:
    """The stop is heard between jobs."""
    work = loop(FakeQueue(), failing(Permanent("never called")))
    thread = threading.Thread(target=work.run)
    thread.start()
    work.guard.stop.set()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_pauses_double_up_to_their_limit() -> None:
    """2, 4, 8 … and never more than the limit, however many tries."""
    backoff = Backoff(first=timedelta(seconds=2), limit=timedelta(seconds=60), jitter=0.0)
    assert [backoff.after(attempt).total_seconds() for attempt in (1, 2, 3, 6, 1000)] == [2, 4, 8, 60, 60]


def test_chance_spreads_the_pauses() -> None:
    """By at most a quarter, so that what failed together does not come back together."""
    pauses = [
        Backoff(first=timedelta(seconds=8), limit=timedelta(seconds=60), chance=lambda one=one: one).after(1)
        for one in (0.0, 0.5, 0.999)
    ]
    assert [round(pause.total_seconds(), 1) for pause in pauses] == [8.0, 7.0, 6.0]
