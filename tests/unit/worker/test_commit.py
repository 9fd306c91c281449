"""Answering a request for storage commitment: what is safe, and when the job ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from domain.commitment import CommitmentReport, FailureReason, KeptInstance, PendingCommitment, Reference
from domain.errors import Transient
from domain.ids import CommitmentId, SopInstanceUid
from domain.jobs import Job
from tests.fakes import FakeQueue
from worker.commit import AnswerCommitment

DX, CR = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.840.10008.5.1.4.1.1.1"
KEPT = KeptInstance(sop_class_uid=DX, path="00/film.dcm")


def reference(number: int, sop_class: str = DX) -> Reference:
    return Reference(sop_class_uid=sop_class, sop_instance_uid=SopInstanceUid(f"2.25.{number}"))


@dataclass
class FakeCommitments:
    """A desk with one request."""

    queue: FakeQueue
    pending: PendingCommitment
    settled: list[CommitmentReport] = field(default_factory=list)

    def load(self, commitment_id: CommitmentId) -> PendingCommitment:
        """Return the request."""
        assert commitment_id == 7
        return self.pending

    def settle_reported(self, job: Job, report: CommitmentReport) -> None:
        """Keep what was answered and end the job."""
        self.queue.finish(job)
        self.settled.append(report)


@dataclass
class FakeVault:
    """A spool with some files."""

    paths: frozenset[str] = frozenset({KEPT.path})

    def holds(self, path: str) -> bool:
        """Whether the file is there."""
        return path in self.paths


@dataclass
class FakeModality:
    """A modality that takes the answer, or does not."""

    failure: Transient | None = None

    def report(self, report: CommitmentReport) -> None:
        """Take the answer, or fail."""
        del report
        if self.failure is not None:
            raise self.failure


def answered(pending: PendingCommitment, *, vault: FakeVault, modality: FakeModality) -> FakeCommitments:
    queue = FakeQueue()
    queue.add("commit:xray", 7)
    (job,) = queue.claim("commit:xray", worker="host:1", lease=timedelta(seconds=9))
    commitments = FakeCommitments(queue, pending)
    try:
        AnswerCommitment(commitments=commitments, vault=vault, reporter=modality).run(job)
    except Transient:
        assert queue.state(1)[0] == "leased"
        raise
    return commitments


def request(*references: Reference, kept: dict[SopInstanceUid, KeptInstance]) -> PendingCommitment:
    return PendingCommitment(peer="xray", transaction_uid="2.25.99", references=references, kept=kept)


def test_an_instance_with_row_and_file_is_committed() -> None:
    """The job ends when the modality took the answer."""
    one = reference(1)
    done = answered(request(one, kept={one.sop_instance_uid: KEPT}), vault=FakeVault(), modality=FakeModality())
    (report,) = done.settled
    assert (report.peer, report.transaction_uid, report.committed, report.failed) == ("xray", "2.25.99", (one,), ())


@pytest.mark.parametrize(
    ("asked", "known", "paths", "reason"),
    [
        (reference(1), False, {KEPT.path}, FailureReason.NO_SUCH_OBJECT_INSTANCE),
        (reference(1, CR), True, {KEPT.path}, FailureReason.CLASS_INSTANCE_CONFLICT),
        (reference(1), True, set(), FailureReason.PROCESSING_FAILURE),
    ],
)
def test_what_is_not_safe_says_why(asked: Reference, known: bool, paths: set[str], reason: FailureReason) -> None:  # noqa: FBT001
    """Never received; received as another class; received, but the file is gone."""
    safe = reference(2)
    kept = {safe.sop_instance_uid: KeptInstance(sop_class_uid=DX, path="00/safe.dcm")}
    if known:
        kept[asked.sop_instance_uid] = KEPT
    vault = FakeVault(frozenset({"00/safe.dcm", *paths}))
    (report,) = answered(request(asked, safe, kept=kept), vault=vault, modality=FakeModality()).settled
    assert (report.committed, report.failed) == ((safe,), ((asked, reason),))


def test_a_modality_that_is_away_is_tried_again() -> None:
    """Nothing is settled before it took the answer."""
    with pytest.raises(Transient):
        answered(request(reference(1), kept={}), vault=FakeVault(), modality=FakeModality(Transient("away")))
