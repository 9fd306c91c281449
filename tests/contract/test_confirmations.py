"""Questions to peers whether they keep what they accepted, in the real database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from db.confirmations import PostgresConfirmations
from db.engine import transaction
from db.intake import PostgresIntake
from db.outbox import PostgresDeliveries
from db.queue import PostgresQueue
from db.studies import PostgresStudies
from domain.confirmation import Inquiry, PeersAnswer
from domain.findings import Findings, Probabilities
from domain.ids import ConfirmationId, SopInstanceUid, StudyId
from domain.jobs import Job
from tests.fakes import MODEL, examined, received
from tests.outbox import PROOF, reports_to

LEASE = timedelta(seconds=30)
SCORES = Probabilities(covid19=0.7, normal=0.1, pneumonia=0.2)
REASON = 0x0112


@dataclass
class Outbox:
    """Reports that a peer accepts, and what it says of them."""

    engine: Engine
    studies: int = 0

    def accept(self, *, peer: str = "pacs") -> str:
        """Have a new report accepted by a peer that is asked later; return its UID."""
        self.studies += 1
        intake = PostgresIntake(self.engine, quiet=timedelta(0), max_attempts=3)
        intake.record(received(study=self.studies))
        intake.close()
        studies = PostgresStudies(self.engine, routes=reports_to(peer))
        job = self.claim("classify")
        films = studies.films([StudyId(job.subject_id)])[StudyId(job.subject_id)]
        found = Findings(model=MODEL, films=films, analysed=films[0], probabilities=SCORES)
        studies.settle_classified([(job, examined(found))])
        return self.deliver(f"2.25.77.{self.studies}", peer=peer)

    def deliver(self, uid: str, *, peer: str = "pacs") -> str:
        job = self.claim(f"deliver:{peer}")
        proof = replace(PROOF, sop_instance_uid=uid)
        PostgresDeliveries(self.engine, asked=["pacs"]).settle_delivered(job, proof)
        return uid

    def claim(self, lane: str) -> Job:
        """Let time pass and claim the next job."""
        self.run("UPDATE jobs SET run_after = now() - interval '1 second' WHERE state = 'waiting'")
        (job,) = PostgresQueue(self.engine).claim(lane, worker="host:1", lease=LEASE)
        return job

    def run(self, statement: str) -> None:
        with transaction(self.engine) as connection:
            connection.execute(text(statement))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with transaction(self.engine) as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def begin(self) -> tuple[Job, Inquiry]:
        job = self.claim("confirm:pacs")
        return job, self.confirmations.begin(ConfirmationId(job.subject_id))

    def settled(self) -> list[tuple[Any, ...]]:
        columns = "committed_at IS NOT NULL, accepted_at IS NOT NULL, not_kept"
        return self.rows(f"SELECT {columns} FROM deliveries ORDER BY id")

    @property
    def confirmations(self) -> PostgresConfirmations:
        return PostgresConfirmations(self.engine)


@pytest.fixture
def outbox(engine: Engine) -> Outbox:
    """An empty installation."""
    return Outbox(engine)


def refusal(inquiry: Inquiry, uid: str) -> PeersAnswer:
    return PeersAnswer(transaction_uid=inquiry.transaction_uid, committed=(), failed=((SopInstanceUid(uid), REASON),))


def test_what_is_accepted_within_a_moment_is_asked_about_together(outbox: Outbox) -> None:
    """One job, and one question with all of it; what comes later is another one."""
    uids = [outbox.accept(), outbox.accept()]
    assert outbox.rows("SELECT count(*) FROM jobs WHERE kind = 'confirm'") == [(1,)]
    _, inquiry = outbox.begin()
    assert [one.sop_instance_uid for one in inquiry.references] == uids
    assert {one.sop_class_uid for one in inquiry.references} == {PROOF.sop_class_uid}
    assert (inquiry.peer, inquiry.questions, inquiry.is_answered) == ("pacs", 0, False)
    later = outbox.accept()
    _, other = outbox.begin()
    assert [one.sop_instance_uid for one in other.references] == [later]
    assert other.transaction_uid != inquiry.transaction_uid


def test_a_peer_that_is_not_asked_has_no_question(outbox: Outbox) -> None:
    """The site decides."""
    outbox.accept(peer="archive")
    assert outbox.rows("SELECT count(*) FROM confirmations") == [(0,)]


def test_an_answer_commits_and_ends_the_waiting(outbox: Outbox) -> None:
    """The job that waited for a quarter of an hour is due at once."""
    uid = outbox.accept()
    job, inquiry = outbox.begin()
    outbox.confirmations.settle_asked(job, again_after=timedelta(minutes=15))
    assert PostgresQueue(outbox.engine).claim("confirm:pacs", worker="host:1", lease=LEASE) == []
    answer = PeersAnswer(transaction_uid=inquiry.transaction_uid, committed=(SopInstanceUid(uid),))
    assert outbox.confirmations.answered("pacs", answer)
    (job,) = PostgresQueue(outbox.engine).claim("confirm:pacs", worker="host:1", lease=LEASE)
    inquiry = outbox.confirmations.begin(ConfirmationId(job.subject_id))
    assert (inquiry.is_answered, inquiry.references, inquiry.questions, job.attempt) == (True, (), 1, 1)
    outbox.confirmations.settle_answered(job)
    assert outbox.settled() == [(True, True, 0)]
    assert outbox.rows("SELECT state FROM jobs WHERE kind = 'confirm'") == [("done",)]


def test_an_answer_that_overtakes_the_record_of_its_question_is_heard(outbox: Outbox) -> None:
    """The peer is faster than our own transaction."""
    uid = outbox.accept()
    job, inquiry = outbox.begin()
    answer = PeersAnswer(transaction_uid=inquiry.transaction_uid, committed=(SopInstanceUid(uid),))
    assert outbox.confirmations.answered("pacs", answer)
    outbox.confirmations.settle_asked(job, again_after=timedelta(minutes=15))
    assert PostgresQueue(outbox.engine).claim("confirm:pacs", worker="host:1", lease=LEASE) != []


@pytest.mark.parametrize(("peer", "transaction_uid"), [("archive", None), ("pacs", "2.25.404")])
def test_an_answer_to_no_question_changes_nothing(outbox: Outbox, peer: str, transaction_uid: str | None) -> None:
    """Another peer's, or one that was never asked."""
    uid = outbox.accept()
    _, inquiry = outbox.begin()
    answer = PeersAnswer(transaction_uid=transaction_uid or inquiry.transaction_uid, committed=(SopInstanceUid(uid),))
    assert not outbox.confirmations.answered(peer, answer)
    assert outbox.settled() == [(False, True, 0)]


def test_what_is_not_kept_is_sent_again_and_held_in_the_end(outbox: Outbox) -> None:
    """Twice; then a person must look."""
    uid = outbox.accept()
    for times in (1, 2):
        _, inquiry = outbox.begin()
        assert outbox.confirmations.answered("pacs", refusal(inquiry, uid))
        assert outbox.settled() == [(False, False, times)]
        outbox.deliver(uid)
    _, inquiry = outbox.begin()
    assert outbox.confirmations.answered("pacs", refusal(inquiry, uid))
    assert outbox.settled() == [(False, True, 3)]
    ((state, reason),) = outbox.rows("SELECT state, reason FROM jobs WHERE kind = 'deliver' AND state <> 'done'")
    assert state == "held"
    assert reason == "the peer accepted it and does not keep it (failure reason 0x0112); given up after 3 times"


def test_what_an_answer_leaves_out_is_asked_again(outbox: Outbox) -> None:
    """The question stays open for the rest, and the same is not asked twice."""
    first, second = outbox.accept(), outbox.accept()
    job, inquiry = outbox.begin()
    outbox.confirmations.settle_asked(job, again_after=timedelta(minutes=15))
    answer = PeersAnswer(transaction_uid=inquiry.transaction_uid, committed=(SopInstanceUid(first),))
    assert outbox.confirmations.answered("pacs", answer)
    assert PostgresQueue(outbox.engine).claim("confirm:pacs", worker="host:1", lease=LEASE) == []
    _, inquiry = outbox.begin()
    assert ([one.sop_instance_uid for one in inquiry.references], inquiry.is_answered) == ([second], False)


def test_an_answer_that_comes_twice_counts_once(outbox: Outbox) -> None:
    """What was committed stays so, whatever is said later."""
    uid = outbox.accept()
    _, inquiry = outbox.begin()
    answer = PeersAnswer(transaction_uid=inquiry.transaction_uid, committed=(SopInstanceUid(uid),))
    assert outbox.confirmations.answered("pacs", answer)
    assert outbox.confirmations.answered("pacs", refusal(inquiry, uid))
    assert outbox.settled() == [(True, True, 0)]
