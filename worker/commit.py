"""Answer one request for storage commitment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.commitment import CommitmentReport, FailureReason
from domain.ids import CommitmentId

if TYPE_CHECKING:
    from domain.commitment import PendingCommitment, Reference
    from domain.jobs import Job
    from domain.ports import CommitmentReporter, Commitments, Vault


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerCommitment:
    """Handler of commit jobs."""

    commitments: Commitments
    vault: Vault
    reporter: CommitmentReporter

    def run(self, job: Job) -> str:
        """Tell the modality which of its instances are safe, and settle the job; say whether all are.

        Raises:
            Transient: the peer, the store or the database can't be reached now.
            Permanent: the peer refused the answer.
            LeaseLost: another worker has the job.
        """
        report = self.judged(self.commitments.load(CommitmentId(job.subject_id)))
        self.reporter.report(report)
        self.commitments.settle_reported(job, report)
        return "failures" if report.failed else "committed"

    def judged(self, pending: PendingCommitment) -> CommitmentReport:
        """Return the answer: an instance is safe if its row is committed and its file is in its place."""
        committed, failed = [], []
        for reference in pending.references:
            problem = self._problem(pending, reference)
            if problem is None:
                committed.append(reference)
            else:
                failed.append((reference, problem))
        return CommitmentReport(
            peer=pending.peer,
            transaction_uid=pending.transaction_uid,
            committed=tuple(committed),
            failed=tuple(failed),
        )

    def _problem(self, pending: PendingCommitment, reference: Reference) -> FailureReason | None:
        kept = pending.kept.get(reference.sop_instance_uid)
        if kept is None:
            return FailureReason.NO_SUCH_OBJECT_INSTANCE
        if kept.sop_class_uid != reference.sop_class_uid:
            return FailureReason.CLASS_INSTANCE_CONFLICT
        return None if self.vault.holds(kept.path) else FailureReason.PROCESSING_FAILURE
