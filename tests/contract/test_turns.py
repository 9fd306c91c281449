"""Fairness: a sender of thousands delays nobody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from db.engine import transaction
from db.intake import PostgresIntake
from db.queue import PostgresQueue
from domain.film import ReceivedInstance
from domain.ids import SeriesUid, SopInstanceUid, StudyUid
from domain.jobs import Job
from domain.priority import Priority

LEASE = timedelta(seconds=30)
Send = Callable[..., None]


def instance(study: int, sender: str, *, number: int = 1, priority: Priority = Priority.ROUTINE) -> ReceivedInstance:
    return ReceivedInstance(
        study_uid=StudyUid(f"2.25.{study}"),
        series_uid=SeriesUid(f"2.25.{study}.1"),
        sop_instance_uid=SopInstanceUid(f"2.25.{study}.1.{number}"),
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        modality="DX",
        digest=f"{study:032x}{number:032x}",
        size_bytes=1000,
        path=f"00/{study}-{number}.dcm",
        calling_ae_title=sender,
        priority=priority,
    )


@pytest.fixture
def send(engine: Engine) -> Send:
    """Receive a film of a study from a sender."""
    intake = PostgresIntake(engine, quiet=timedelta(0), max_attempts=3)

    def take(study: int, sender: str, **what: object) -> None:
        intake.record(instance(study, sender, **what))  # type: ignore[arg-type]

    return take


def claimed(engine: Engine, limit: int) -> list[str]:
    """Return the senders of the next jobs, in order."""
    jobs = PostgresQueue(engine).claim("classify", worker="host:1", lease=LEASE, limit=limit)
    return [sender_of(engine, job) for job in jobs]


def sender_of(engine: Engine, job: Job) -> str:
    with transaction(engine) as connection:
        return str(connection.execute(text("SELECT sender FROM jobs WHERE id = :id"), {"id": job.id}).scalar_one())


def test_one_film_does_not_wait_for_a_backlog_of_another_sender(engine: Engine, send: Send) -> None:
    """It is next but one, however many came before it."""
    for study in range(50):
        send(study, "ARCHIVE")
    send(99, "EMERGENCY")
    assert claimed(engine, 3) == ["ARCHIVE", "EMERGENCY", "ARCHIVE"]


def test_two_backlogs_take_turns(engine: Engine, send: Send) -> None:
    """Neither of two senders of many waits for the other's end."""
    for study in range(20):
        send(study, "EAST")
    for study in range(20, 40):
        send(study, "WEST")
    assert claimed(engine, 8).count("WEST") == 4


def test_a_sender_alone_is_served_in_order_and_at_full_speed(engine: Engine, send: Send) -> None:
    """Turns order what waits; they hold nothing back."""
    for study in range(20):
        send(study, "ARCHIVE")
    jobs = PostgresQueue(engine).claim("classify", worker="host:1", lease=LEASE, limit=50)
    assert [job.subject_id for job in jobs] == sorted(job.subject_id for job in jobs)
    assert len(jobs) == 20


def test_an_urgent_film_of_a_busy_sender_is_before_everything(engine: Engine, send: Send) -> None:
    """Turns count among jobs of one priority only."""
    for study in range(20):
        send(study, "ARCHIVE")
    send(30, "ARCHIVE", priority=Priority.STAT)
    send(99, "EMERGENCY")
    jobs = PostgresQueue(engine).claim("classify", worker="host:1", lease=LEASE, limit=1)
    with transaction(engine) as connection:
        query = text("SELECT study_instance_uid FROM studies WHERE id = :id")
        assert connection.execute(query, {"id": jobs[0].subject_id}).scalar_one() == "2.25.30"


def test_a_worked_off_backlog_is_not_held_against_its_sender(engine: Engine, send: Send) -> None:
    """Once nothing of a sender waits, its next film has its turn at once."""
    for study in range(20):
        send(study, "ARCHIVE")
    claimed(engine, 50)
    send(50, "ARCHIVE")
    send(51, "EMERGENCY")
    assert claimed(engine, 1) == ["ARCHIVE"]


def test_a_second_film_keeps_its_study_s_turn(engine: Engine, send: Send) -> None:
    """A study with several films does not lose its place in its sender's line."""
    send(1, "ARCHIVE")
    send(2, "ARCHIVE")
    send(1, "ARCHIVE", number=2)
    jobs = PostgresQueue(engine).claim("classify", worker="host:1", lease=LEASE, limit=2)
    assert [job.subject_id for job in jobs] == sorted(job.subject_id for job in jobs)


def test_a_backlog_does_not_become_urgent_by_its_own_length(engine: Engine, send: Send) -> None:
    """What has its turn in an hour has not waited yet, however long ago it came."""
    for study in range(400):
        send(study, "ARCHIVE")
    with transaction(engine) as connection:
        later = "UPDATE jobs SET run_after = run_after - interval '1 hour', turn = turn - interval '1 hour'"
        connection.execute(text(later))
    rose = PostgresQueue(engine).age(step=timedelta(minutes=15))
    assert 150 <= rose <= 200
