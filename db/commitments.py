"""Requests for storage commitment: left by the node, answered by a worker."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from db.deletions import deleted_on
from db.delivery_tables import CommitmentRow
from db.engine import transaction
from db.queue import enqueue, finish
from db.tables import Conflict, Instance
from domain.commitment import KeptInstance, PendingCommitment, Reference
from domain.ids import SopInstanceUid
from domain.jobs import JobKind, commit_lane

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Engine, Exists

    from domain.commitment import CommitmentReport, CommitmentRequest
    from domain.ids import CommitmentId
    from domain.jobs import Job

_UNTIL_THE_ANSWER = timedelta(seconds=1)
"""The modality gets the response to its request first, then the answer."""
_IS_WAITING = text(
    "SELECT EXISTS (SELECT FROM jobs WHERE kind = :kind AND subject_id = :subject AND state = 'waiting')"
)


class PostgresCommitments:
    """Requests and answers, for both sides: implements `domain.ports.CommitmentDesk` and `Commitments`."""

    def __init__(self, engine: Engine, *, peers: Mapping[str, str]) -> None:
        """Take requests of these peers.

        Args:
            engine: the database.
            peers: names of the peers that can be answered, by AE title.
        """
        self._engine = engine
        self._peers = peers

    def ask(self, request: CommitmentRequest) -> bool:
        """Commit the request and the job of its answer; say whether there is a peer to answer to."""
        peer = self._peers.get(request.calling_ae_title)
        if peer is None:
            return False
        referenced = [[one.sop_class_uid, one.sop_instance_uid] for one in request.references]
        statement = insert(CommitmentRow).values(
            peer=peer, transaction_uid=request.transaction_uid, referenced=referenced
        )
        statement = statement.on_conflict_do_update(
            index_elements=["peer", "transaction_uid"], set_={"referenced": statement.excluded.referenced}
        )
        with transaction(self._engine) as connection:
            subject = connection.execute(statement.returning(CommitmentRow.id)).scalar_one()
            waits = connection.execute(_IS_WAITING, {"kind": JobKind.COMMIT, "subject": subject}).scalar_one()
            if not waits:
                enqueue(
                    connection,
                    JobKind.COMMIT,
                    commit_lane(peer),
                    subject,
                    max_attempts=None,
                    after=_UNTIL_THE_ANSWER,
                )
        return True

    def load(self, commitment_id: CommitmentId) -> PendingCommitment:
        """Return what to answer, to whom, and what the database knows of it."""
        with transaction(self._engine) as connection:
            row = connection.execute(
                select(CommitmentRow.peer, CommitmentRow.transaction_uid, CommitmentRow.referenced).where(
                    CommitmentRow.id == commitment_id
                )
            ).one()
            uids = [uid for _, uid in row.referenced]
            kept = {
                SopInstanceUid(instance.sop_instance_uid): KeptInstance(
                    sop_class_uid=instance.sop_class_uid, path=instance.path
                )
                for instance in connection.execute(
                    select(Instance.sop_instance_uid, Instance.sop_class_uid, Instance.path).where(
                        Instance.sop_instance_uid.in_(uids), ~self._was_refused(row.peer), deleted_on().is_(None)
                    )
                )
            }
        references = tuple(
            Reference(sop_class_uid=sop_class, sop_instance_uid=SopInstanceUid(instance))
            for sop_class, instance in row.referenced
        )
        return PendingCommitment(peer=row.peer, transaction_uid=row.transaction_uid, references=references, kept=kept)

    def _was_refused(self, peer: str) -> Exists:
        """Whether the peer holds another content under the instance's UID, which was not taken: it must keep that."""
        titles = [title for title, name in self._peers.items() if name == peer]
        return (
            select(Conflict.id)
            .where(Conflict.instance_id == Instance.id, Conflict.path.is_(None), Conflict.calling_ae_title.in_(titles))
            .exists()
        )

    def settle_reported(self, job: Job, report: CommitmentReport) -> None:
        """Record that the peer took the answer, and end the job, in one transaction."""
        with transaction(self._engine) as connection:
            finish(connection, job)
            connection.execute(
                update(CommitmentRow)
                .where(CommitmentRow.id == job.subject_id)
                .values(reported_at=func.now(), committed=len(report.committed), failed=len(report.failed))
            )
