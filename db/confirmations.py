"""Storage commitment asked by us: many deliveries in one question, the answer, and what is sent again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from sqlalchemy import text

from db.engine import transaction
from db.queue import finish, notify, postpone
from domain.commitment import Reference
from domain.confirmation import Inquiry
from domain.ids import SopInstanceUid
from domain.jobs import JobKind, ReasonClass, confirm_lane, deliver_lane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine

    from domain.confirmation import PeersAnswer
    from domain.ids import ConfirmationId, DeliveryId
    from domain.jobs import Job

_GATHERING = timedelta(seconds=5)
"""How long accepted objects gather before one question is asked about all of them."""
_MOST_SENDINGS = 3
"""Of an object that its peer accepts and then does not keep."""

_JOIN = text("""
WITH open AS (
    INSERT INTO confirmations (peer, transaction_uid) VALUES (:peer, :transaction_uid)
    ON CONFLICT (peer) WHERE asked_at IS NULL DO UPDATE SET peer = excluded.peer
    RETURNING id, xmax = 0 AS is_new
),
joined AS (UPDATE deliveries SET confirmation_id = open.id FROM open WHERE deliveries.id = :delivery)
INSERT INTO jobs (kind, lane, subject_id, run_after, turn)
SELECT :kind, :lane, id, now() + :gathering, now() + :gathering FROM open WHERE is_new
""")
_BEGIN = text("""
UPDATE confirmations SET asked_at = coalesce(asked_at, now()) WHERE id = :id
RETURNING peer, transaction_uid, questions, answered_at IS NOT NULL AS is_answered
""")
_REFERENCES = text("""
SELECT sop_class_uid, sop_instance_uid FROM deliveries
WHERE confirmation_id = :id AND accepted_at IS NOT NULL AND committed_at IS NULL ORDER BY id
""")
_ASKED = text("UPDATE confirmations SET questions = questions + 1 WHERE id = :id")
_ASKED_THAT = text("""
SELECT id FROM confirmations WHERE peer = :peer AND transaction_uid = :transaction_uid FOR UPDATE
""")
# An answer may leave something out: then the question stays open and is asked again.
_ANSWERED = text("""
UPDATE confirmations SET answered_at = now() WHERE id = :id AND NOT EXISTS (
    SELECT FROM deliveries WHERE confirmation_id = :id AND accepted_at IS NOT NULL AND committed_at IS NULL
)
RETURNING id
""")
_COMMITTED = text("""
UPDATE deliveries SET committed_at = now() WHERE confirmation_id = :id AND sop_instance_uid = ANY(:uids)
AND committed_at IS NULL
""")
_NOT_KEPT = text("""
UPDATE deliveries SET not_kept = not_kept + 1, confirmation_id = NULL,
    accepted_at = CASE WHEN not_kept + 1 < :most THEN NULL ELSE accepted_at END
FROM unnest(CAST(:uids AS text[]), CAST(:reasons AS int[])) AS failed (uid, reason)
WHERE confirmation_id = :id AND sop_instance_uid = uid AND committed_at IS NULL
RETURNING deliveries.id, findings_id, reason, accepted_at IS NULL AS is_sent_again
""")
_SEND_AGAIN = text("""
INSERT INTO jobs (kind, lane, subject_id, priority, state, reason, reason_class, settled_at)
SELECT :kind, :lane, deliveries.id, priority, :state, :reason, :reason_class,
    CASE WHEN :state = 'held' THEN now() END
FROM deliveries JOIN findings ON findings.id = findings_id JOIN studies ON studies.id = study_id
WHERE deliveries.id = :delivery
""")
_WAKE = text("""
UPDATE jobs SET run_after = now() WHERE kind = :kind AND subject_id = :id AND state = 'waiting'
""")


class PostgresConfirmations:
    """Questions and answers, for both sides: implements `domain.delivery_ports.Confirmations` and `AnswerDesk`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, confirmation_id: ConfirmationId) -> Inquiry:
        """Close the question, so that nothing is added any more, and return what to ask."""
        with transaction(self._engine) as connection:
            row = connection.execute(_BEGIN, {"id": confirmation_id}).one()
            references = connection.execute(_REFERENCES, {"id": confirmation_id}).all()
        return Inquiry(
            peer=row.peer,
            transaction_uid=row.transaction_uid,
            references=tuple(
                Reference(sop_class_uid=one.sop_class_uid, sop_instance_uid=SopInstanceUid(one.sop_instance_uid))
                for one in references
            ),
            questions=row.questions,
            is_answered=row.is_answered,
        )

    def settle_asked(self, job: Job, *, again_after: timedelta) -> None:
        """Record that the peer took the question; the job is due again when the peer has not answered by then."""
        with transaction(self._engine) as connection:
            postpone(connection, job, again_after)
            connection.execute(_ASKED, {"id": job.subject_id})
            _wake_if_answered(connection, job.subject_id)

    def settle_answered(self, job: Job) -> None:
        """End the job of a question that was answered."""
        with transaction(self._engine) as connection:
            finish(connection, job)

    def answered(self, peer: str, answer: PeersAnswer) -> bool:
        """Record what a peer keeps, and send again what it does not; say whether it was asked that."""
        with transaction(self._engine) as connection:
            values = {"peer": peer, "transaction_uid": answer.transaction_uid}
            found = connection.execute(_ASKED_THAT, values).scalar_one_or_none()
            if found is None:
                return False
            connection.execute(_COMMITTED, {"id": found, "uids": list(answer.committed)})
            self._send_again(connection, found, peer, answer.failed)
            if connection.execute(_ANSWERED, {"id": found}).scalar_one_or_none() is not None:
                connection.execute(_WAKE, {"kind": JobKind.CONFIRM, "id": found})
                notify(connection, confirm_lane(peer))
        return True

    def _send_again(
        self, connection: Connection, confirmation: int, peer: str, failed: Sequence[tuple[SopInstanceUid, int]]
    ) -> None:
        if not failed:
            return
        uids, reasons = zip(*failed, strict=True)
        values = {"id": confirmation, "uids": list(uids), "reasons": list(reasons), "most": _MOST_SENDINGS}
        for row in connection.execute(_NOT_KEPT, values).all():
            why = f"the peer accepted it and does not keep it (failure reason 0x{row.reason:04X})"
            given_up = f"{why}; given up after {_MOST_SENDINGS} times"
            connection.execute(
                _SEND_AGAIN,
                {
                    "kind": JobKind.DELIVER,
                    "lane": deliver_lane(peer),
                    "delivery": row.id,
                    "state": "waiting" if row.is_sent_again else "held",
                    "reason": why if row.is_sent_again else given_up,
                    "reason_class": ReasonClass.TRANSIENT if row.is_sent_again else ReasonClass.PERMANENT,
                },
            )
        notify(connection, deliver_lane(peer))


def ask_later(connection: Connection, delivery: DeliveryId, peer: str) -> None:
    """Add an accepted delivery to the next question to its peer, inside the transaction that records the acceptance."""
    values = {
        "peer": peer,
        "transaction_uid": f"2.25.{uuid4().int}",  # PS3.5 B.2
        "delivery": delivery,
        "kind": JobKind.CONFIRM,
        "lane": confirm_lane(peer),
        "gathering": _GATHERING,
    }
    connection.execute(_JOIN, values)


def _wake_if_answered(connection: Connection, confirmation: int) -> None:
    """Have the job run at once where the answer was faster than the record of the question."""
    answered = text("SELECT answered_at IS NOT NULL FROM confirmations WHERE id = :id")
    if connection.execute(answered, {"id": confirmation}).scalar_one():
        connection.execute(_WAKE, {"kind": JobKind.CONFIRM, "id": confirmation})
