"""What an operator does with jobs, in the real database, and what it keeps of that."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from db.engine import transaction
from db.job_desk import JobDesk
from db.queue import PostgresQueue, enqueue
from domain.jobs import TRANSITIONS, Job, JobKind, JobState, ReasonClass
from domain.priority import Priority

LEASE = timedelta(seconds=30)


@pytest.fixture
def desk(engine: Engine) -> JobDesk:
    """The desk, with an operator at it."""
    return JobDesk(engine, actor="ann@host")


def add(engine: Engine, lane: str = "classify", *, subject: int = 1, priority: Priority = Priority.ROUTINE) -> int:
    with transaction(engine) as connection:
        enqueue(connection, JobKind.CLASSIFY, lane, subject, max_attempts=3, after=timedelta(0), priority=priority)
        return int(connection.execute(text("SELECT max(id) FROM jobs")).scalar_one())


def claim(engine: Engine, lane: str = "classify") -> Job | None:
    return next(iter(PostgresQueue(engine).claim(lane, worker="host:1", lease=LEASE)), None)


def held(engine: Engine, lane: str = "classify") -> int:
    """Make a job that was tried and is held."""
    add(engine, lane, subject=7)
    job = claim(engine, lane)
    assert job is not None
    PostgresQueue(engine).hold(job, reason="the peer refused the report", reason_class=ReasonClass.PERMANENT)
    return job.id


def state(desk: JobDesk, job_id: int) -> str:
    found = desk.show(job_id)
    assert found is not None
    return found[0].state


@pytest.mark.parametrize(("before", "after"), list(product(JobState, JobState)))
def test_the_database_allows_the_transitions_of_the_table(engine: Engine, before: JobState, after: JobState) -> None:
    """And no others, whoever asks."""
    token = {JobState.LEASED: "gen_random_uuid()"}
    make = f"""
        INSERT INTO jobs (kind, lane, subject_id, state, reason, lease_token)
        VALUES ('classify', 'classify', 1, '{before}', 'why', {token.get(before, "NULL")})
    """
    change = f"UPDATE jobs SET state = '{after}', lease_token = {token.get(after, 'NULL')}"
    with transaction(engine) as connection:
        connection.execute(text(make))
    try:
        with transaction(engine) as connection:
            connection.execute(text(change))
        happened = True
    except IntegrityError:
        happened = False
    assert happened == (after in TRANSITIONS[before] or after is before)


def test_a_jobs_history_tells_who_did_what_and_why(engine: Engine, desk: JobDesk) -> None:
    """Workers by host and process, persons by name."""
    job_id = held(engine)
    assert desk.requeue(job_id) is None
    assert desk.cancel(job_id, "the PACS has it") is None
    found = desk.show(job_id)
    assert found is not None
    assert [(entry.before, entry.after, entry.actor, entry.reason_class) for entry in found[1]] == [
        ("waiting", "leased", "host:1", None),
        ("leased", "held", "host:1", "permanent"),
        ("held", "waiting", "ann@host", None),
        ("waiting", "cancelled", "ann@host", "operator"),
    ]
    assert found[0].reason == "the PACS has it"


def test_a_requeued_job_has_all_its_tries(engine: Engine, desk: JobDesk) -> None:
    """And is claimed at once."""
    job_id = held(engine)
    assert desk.requeue(job_id) is None
    job = claim(engine)
    assert job is not None
    assert (job.id, job.attempt) == (job_id, 1)


def test_a_waiting_job_can_be_made_due(engine: Engine, desk: JobDesk) -> None:
    """Not after the pause that a failure brought, and without more tries."""
    job_id = add(engine)
    job = claim(engine)
    assert job is not None
    later = timedelta(hours=1)
    PostgresQueue(engine).retry(job, after=later, reason="away", reason_class=ReasonClass.TRANSIENT)
    assert claim(engine) is None
    assert desk.requeue(job_id) is None
    again = claim(engine)
    assert again is not None
    assert again.attempt == 2


def test_a_job_at_work_is_left_to_its_worker(engine: Engine, desk: JobDesk) -> None:
    """Whatever is asked; who has it is told."""
    job_id = add(engine)
    claim(engine)
    problems = [desk.requeue(job_id), desk.hold(job_id, "why"), desk.cancel(job_id, "why")]
    assert all(problem is not None and "host:1" in problem for problem in problems)
    assert state(desk, job_id) == "leased"


def test_what_is_over_stays_so(engine: Engine, desk: JobDesk) -> None:
    """A cancelled job is not requeued, and one that never was is told."""
    job_id = held(engine)
    desk.cancel(job_id, "why")
    assert desk.requeue(job_id) == "it is cancelled"
    assert desk.requeue(404) == "there is no such job"


def test_a_held_job_waits_for_a_person(engine: Engine, desk: JobDesk) -> None:
    """Nobody claims it."""
    job_id = add(engine)
    assert desk.hold(job_id, "asking radiology") is None
    assert claim(engine) is None
    assert list(desk.held()) == [job_id]
    assert list(desk.held("deliver:pacs")) == []


@pytest.mark.parametrize("lane", ["classify", ""])
def test_a_pause_lets_nothing_be_claimed(engine: Engine, desk: JobDesk, lane: str) -> None:
    """In one lane or in all; what is at work ends as ever."""
    add(engine, subject=1)
    running = claim(engine)
    add(engine, subject=2)
    add(engine, "deliver:pacs", subject=3)
    desk.pause(lane, "new PACS")
    assert claim(engine) is None
    assert (claim(engine, "deliver:pacs") is None) == (lane == "")
    assert desk.at_work("classify") == 1
    assert running is not None
    PostgresQueue(engine).release([running])
    assert list(desk.resume()) == [lane]
    assert claim(engine) is not None


def test_a_pause_says_who_and_why(desk: JobDesk) -> None:
    """A second one does not take the place of the first."""
    desk.pause("", "new PACS")
    desk.pause("", "other")
    (pause,) = desk.pauses()
    assert (pause.lane, pause.actor, pause.reason) == ("", "ann@host", "new PACS")


def test_a_worker_hears_that_a_pause_has_ended(engine: Engine, desk: JobDesk) -> None:
    """It sleeps meanwhile, and is woken."""
    add(engine)
    desk.pause("", "why")
    queue = PostgresQueue(engine)
    queue.wait("classify", at_most=timedelta(0))
    desk.resume()
    queue.wait("classify", at_most=timedelta(seconds=60))
    queue.close()
    assert claim(engine) is not None


def test_jobs_are_listed_with_what_needs_a_person_first(engine: Engine, desk: JobDesk) -> None:
    """Then what waits, the urgent before the routine."""
    stuck = held(engine)
    routine = add(engine, subject=2)
    urgent = add(engine, "deliver:pacs", subject=3, priority=Priority.STAT)
    found = desk.jobs(states=[JobState.HELD, JobState.WAITING])
    assert [job.id for job in found] == [stuck, urgent, routine]
    assert [job.id for job in desk.jobs(states=JobState, lane="deliver:pacs")] == [urgent]
    assert len(desk.jobs(states=JobState, limit=2)) == 2
