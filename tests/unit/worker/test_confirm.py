"""Asking a peer whether it keeps what it accepted: when, how often, and when the job ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from domain.commitment import Reference
from domain.confirmation import Inquiry, PeersAnswer
from domain.errors import Permanent, Transient
from domain.ids import ConfirmationId, SopInstanceUid
from domain.jobs import Job
from tests.fakes import FakeQueue
from worker.confirm import AskConfirmation

UID = SopInstanceUid("2.25.7")
INQUIRY = Inquiry(
    peer="pacs",
    transaction_uid="2.25.99",
    references=(Reference(sop_class_uid="1.2", sop_instance_uid=UID),),
    questions=0,
)
ANSWER = PeersAnswer(transaction_uid="2.25.99", committed=(UID,))
PATIENCE = timedelta(minutes=15)


@dataclass
class FakeConfirmations:
    """One question, and what became of it."""

    inquiry: Inquiry
    asked: list[timedelta] = field(default_factory=list)
    settled: int = 0
    answers: list[tuple[str, PeersAnswer]] = field(default_factory=list)

    def begin(self, confirmation_id: ConfirmationId) -> Inquiry:
        """Return the question."""
        assert confirmation_id == 7
        return self.inquiry

    def settle_asked(self, job: Job, *, again_after: timedelta) -> None:
        """Keep when to ask again."""
        del job
        self.asked.append(again_after)

    def settle_answered(self, job: Job) -> None:
        """Count it."""
        del job
        self.settled += 1

    def answered(self, peer: str, answer: PeersAnswer) -> bool:
        """Keep the answer."""
        self.answers.append((peer, answer))
        return True


@dataclass
class FakeInquirer:
    """A peer that answers at once, later, or not."""

    answer: PeersAnswer | Exception | None = None
    heard: list[Inquiry] = field(default_factory=list)

    def ask(self, inquiry: Inquiry) -> PeersAnswer | None:
        """Hear the question."""
        self.heard.append(inquiry)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def run(inquiry: Inquiry, peer: FakeInquirer) -> FakeConfirmations:
    queue, confirmations = FakeQueue(), FakeConfirmations(inquiry)
    queue.add("confirm:pacs", 7)
    (job,) = queue.claim("confirm:pacs", worker="host:1", lease=timedelta(seconds=9))
    AskConfirmation(confirmations=confirmations, inquirer=peer, patience=PATIENCE).run(job)
    return confirmations


def test_a_question_waits_for_its_answer() -> None:
    """It is asked again when that does not come in time."""
    peer = FakeInquirer()
    assert run(INQUIRY, peer).asked == [PATIENCE]
    assert peer.heard == [INQUIRY]


def test_an_answer_at_once_is_recorded_before_the_question() -> None:
    """Which makes the job due again at once, where everything was answered."""
    found = run(INQUIRY, FakeInquirer(ANSWER))
    assert (found.answers, found.settled, found.asked) == ([("pacs", ANSWER)], 0, [PATIENCE])


@pytest.mark.parametrize("done", [replace(INQUIRY, is_answered=True), replace(INQUIRY, references=())])
def test_what_is_answered_is_not_asked(done: Inquiry) -> None:
    """The node took the answer meanwhile; or everything that was asked about was sent again."""
    peer = FakeInquirer()
    assert (run(done, peer).settled, peer.heard) == (1, [])


def test_a_peer_that_never_answers_is_held_up_to_a_person() -> None:
    """After five questions, with a hint."""
    with pytest.raises(Permanent, match=r"5 requests .* node listens"):
        run(replace(INQUIRY, questions=5), FakeInquirer())


def test_a_peer_that_is_away_settles_nothing() -> None:
    """The loop decides about the next try."""
    with pytest.raises(Transient):
        run(INQUIRY, FakeInquirer(Transient("away")))
