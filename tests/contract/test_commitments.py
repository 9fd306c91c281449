"""Requests for storage commitment in the real database, from the node's side to the worker's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from db.commitments import PostgresCommitments
from db.engine import transaction
from db.intake import PostgresIntake
from db.queue import PostgresQueue
from domain.commitment import CommitmentReport, CommitmentRequest, KeptInstance, Reference
from domain.errors import LeaseLost
from domain.film import ReceivedInstance
from domain.ids import CommitmentId, SeriesUid, SopInstanceUid, StudyUid
from domain.jobs import Job

DX = "1.2.840.10008.5.1.4.1.1.1.1"
FILM = Reference(sop_class_uid=DX, sop_instance_uid=SopInstanceUid("2.25.1.9.1"))
STRANGER = Reference(sop_class_uid=DX, sop_instance_uid=SopInstanceUid("2.25.404"))
REQUEST = CommitmentRequest(calling_ae_title="XRAY1", transaction_uid="2.25.99", references=(FILM, STRANGER))


@pytest.fixture
def desk(engine: Engine) -> PostgresCommitments:
    """A desk for one modality, beside a database with one film of it."""
    PostgresIntake(engine, quiet=timedelta(0), max_attempts=3).record(
        ReceivedInstance(
            study_uid=StudyUid("2.25.1"),
            series_uid=SeriesUid("2.25.1.9"),
            sop_instance_uid=FILM.sop_instance_uid,
            sop_class_uid=DX,
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            modality="DX",
            digest="ab" * 32,
            size_bytes=1000,
            path="00/film.dcm",
            calling_ae_title="XRAY1",
        )
    )
    return PostgresCommitments(engine, peers={"XRAY1": "xray"})


def claimed(engine: Engine) -> Job | None:
    """Let a moment pass and claim the answer."""
    with transaction(engine) as connection:
        connection.execute(text("UPDATE jobs SET run_after = now() - interval '1 second' WHERE state = 'waiting'"))
    return next(iter(PostgresQueue(engine).claim("commit:xray", worker="host:1", lease=timedelta(seconds=30))), None)


def test_a_request_waits_with_what_is_known_of_its_instances(engine: Engine, desk: PostgresCommitments) -> None:
    """The worker finds the film's place, and nothing of an instance that never came."""
    assert desk.ask(REQUEST)
    job = claimed(engine)
    assert job is not None
    pending = desk.load(CommitmentId(job.subject_id))
    assert (pending.peer, pending.transaction_uid, pending.references) == ("xray", "2.25.99", REQUEST.references)
    assert pending.kept == {FILM.sop_instance_uid: KeptInstance(sop_class_uid=DX, path="00/film.dcm")}


def test_content_that_was_refused_is_not_committed(engine: Engine, desk: PostgresCommitments) -> None:
    """The modality has another film under this UID than we do, and must not delete it."""
    statement = """
        INSERT INTO conflicts (instance_id, digest, size_bytes, transfer_syntax_uid, calling_ae_title, resolution)
        SELECT id, 'cd', 1, '1.2', :title, 'rejected' FROM instances
    """
    desk.ask(REQUEST)
    job = claimed(engine)
    assert job is not None
    for title, known in (("OTHER", True), ("XRAY1", False)):
        with transaction(engine) as connection:
            connection.execute(text("DELETE FROM conflicts"))
            connection.execute(text(statement), {"title": title})
        assert bool(desk.load(CommitmentId(job.subject_id)).kept) == known


def test_who_is_no_peer_is_told_so(engine: Engine, desk: PostgresCommitments) -> None:
    """There is nowhere to answer to, so nothing is promised."""
    stranger = CommitmentRequest(calling_ae_title="OTHER", transaction_uid="2.25.98", references=(FILM,))
    assert not desk.ask(stranger)
    assert claimed(engine) is None


def test_a_repeated_request_is_answered_once_more(engine: Engine, desk: PostgresCommitments) -> None:
    """Twice before the answer: one answer; after it: another one."""
    desk.ask(REQUEST)
    desk.ask(REQUEST)
    job = claimed(engine)
    assert job is not None
    assert claimed(engine) is None
    report = CommitmentReport(peer="xray", transaction_uid="2.25.99", committed=(FILM,), failed=())
    desk.settle_reported(job, report)
    desk.ask(REQUEST)
    again = claimed(engine)
    assert again is not None
    assert again.subject_id == job.subject_id


def test_an_answer_is_recorded_with_the_jobs_end(engine: Engine, desk: PostgresCommitments) -> None:
    """Who answered first settles it; a worker that lost its lease records nothing."""
    desk.ask(REQUEST)
    job = claimed(engine)
    assert job is not None
    report = CommitmentReport(peer="xray", transaction_uid="2.25.99", committed=(FILM,), failed=())
    desk.settle_reported(job, report)
    with pytest.raises(LeaseLost):
        desk.settle_reported(job, report)
    with transaction(engine) as connection:
        row = connection.execute(text("SELECT reported_at, committed, failed FROM commitments")).one()
    assert (row.reported_at is not None, row.committed, row.failed) == (True, 1, 0)
