"""Storage commitment as its user (PS3.4 Annex J): our question to a peer, and its answer, whichever way it comes."""

from __future__ import annotations

import queue
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pydicom.dataset import Dataset
from pynetdicom import evt

from dicom_node.contexts import STORAGE_COMMITMENT
from dicom_node.instances import is_uid
from dicom_node.requestor import TIMEOUT_S, PeerAddress, Proposal, associated, status_of
from dicom_node.silence import quiet
from dicom_node.status import passes, status_name
from domain.confirmation import Inquiry, PeersAnswer
from domain.errors import Permanent, Transient
from domain.ids import SopInstanceUid
from domain.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pynetdicom.events import Event

    from domain.delivery_ports import AnswerDesk
    from domain.ids import AeTitle
    from worker.events import Events

_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
"""The well-known SOP Instance of Storage Commitment."""
_REQUEST_STORAGE_COMMITMENT = 1
_EVENTS = {1, 2}
"""Storage commitment request successful, and complete with failures (PS3.4 J.3.3.1)."""
_AT_ONCE_SECONDS = 1.0
"""How long the association is kept for an answer; most peers open one of their own."""


ASKING: Final = Proposal(service="storage commitment", sop_classes=(STORAGE_COMMITMENT,))
"""What is proposed to a peer that is asked whether it keeps results."""


class EventStatus(Status):
    """Status of an N-EVENT-REPORT response (PS3.7 Section 10.1.1.1.8)."""

    SUCCESS = 0x0000, "The answer is stored."
    NO_SUCH_EVENT_TYPE = 0x0113, "Another event type than 1 or 2."
    INVALID_ARGUMENT_VALUE = (
        0x0115,
        "No Transaction UID, a UID is missing, or the peer was not asked this.",
    )
    RESOURCE_LIMITATION = 0x0213, "The database is away: the peer should answer again."


class CommitmentInquirer:
    """Asks peers on associations of their own: implements `domain.delivery_ports.Inquirer`."""

    def __init__(
        self,
        *,
        peers: Iterable[PeerAddress],
        calling: AeTitle,
        timeout_s: float = TIMEOUT_S,
        at_once_s: float = _AT_ONCE_SECONDS,
    ) -> None:
        self._peers = {peer.name: peer for peer in peers}
        self._calling = calling
        self._timeout_s = timeout_s
        self._at_once_s = at_once_s

    def ask(self, inquiry: Inquiry) -> PeersAnswer | None:
        """Send the N-ACTION; return the answer where it comes on this association.

        Raises:
            Transient: the peer is away or busy.
            Permanent: the peer is not configured, does not commit, or refused to; the message names the status.
        """
        address = self._peers.get(inquiry.peer)
        if address is None:
            raise Permanent("the peer is not asked to commit any more")
        answers: queue.SimpleQueue[PeersAnswer] = queue.SimpleQueue()
        proposal = replace(
            ASKING, handlers=[(evt.EVT_N_EVENT_REPORT, lambda event: (_keep(event, inquiry, answers), None))]
        )
        with associated(address, self._calling, proposal, timeout_s=self._timeout_s) as association:
            try:
                response, _ = association.send_n_action(
                    _action_information(inquiry), _REQUEST_STORAGE_COMMITMENT, STORAGE_COMMITMENT, _INSTANCE
                )
            except (RuntimeError, ValueError) as error:
                raise Transient("the peer broke off the association") from error
            status = status_of(response)
            if status == 0:
                return _within(self._at_once_s, answers)
        kind = Transient if passes(status) else Permanent
        raise kind(f"the peer refused the request for storage commitment: {status_name(status)} (0x{status:04X})")


def take_answer(event: Event, peer: str | None, desk: AnswerDesk, events: Events) -> EventStatus:
    """Leave the answer of an N-EVENT-REPORT at the desk and say what to respond; never raises.

    Args:
        event: the N-EVENT-REPORT.
        peer: the name of the peer that sent it; None: it is none that is asked anything.
        desk: where answers go.
        events: where it is told.
    """
    status, answer = EventStatus.INVALID_ARGUMENT_VALUE, None
    try:
        with quiet():
            answer = _answer(event)
        if peer is not None and desk.answered(peer, answer):
            status = EventStatus.SUCCESS
    except _Wrong as wrong:
        status = wrong.status
    except Exception as error:  # noqa: BLE001 - foreign bytes, or the database: the peer gets a status in any case
        events.error("storage-unavailable", error=type(error).__name__)
        status = EventStatus.RESOURCE_LIMITATION
    if status is EventStatus.SUCCESS and answer is not None:
        events.info("commitment-confirmed", peer=peer, count=len(answer.committed))
        if answer.failed:
            events.error("commitment-denied", peer=peer, count=len(answer.failed))
    else:
        events.warning("commitment-answer-refused", peer=peer, status=status.name)
    return status


class _Wrong(Exception):
    def __init__(self, status: EventStatus) -> None:
        super().__init__(status.name)
        self.status = status


def _keep(event: Event, inquiry: Inquiry, answers: queue.SimpleQueue[PeersAnswer]) -> int:
    """Take an answer that comes on our own association."""
    try:
        with quiet():
            answer = _answer(event)
    except _Wrong as wrong:
        return wrong.status
    if answer.transaction_uid != inquiry.transaction_uid:
        return EventStatus.INVALID_ARGUMENT_VALUE
    answers.put(answer)
    return EventStatus.SUCCESS


def _within(seconds: float, answers: queue.SimpleQueue[PeersAnswer]) -> PeersAnswer | None:
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return None


def _answer(event: Event) -> PeersAnswer:
    """Read the event information of PS3.4 Table J.3-2."""
    if event.event_type not in _EVENTS:
        raise _Wrong(EventStatus.NO_SUCH_EVENT_TYPE)
    try:
        information = event.event_information
        return PeersAnswer(
            transaction_uid=_uid(information, "TransactionUID"),
            committed=tuple(
                SopInstanceUid(_uid(item, "ReferencedSOPInstanceUID"))
                for item in information.get("ReferencedSOPSequence") or ()
            ),
            failed=tuple(
                (SopInstanceUid(_uid(item, "ReferencedSOPInstanceUID")), int(item.get("FailureReason") or 0))
                for item in information.get("FailedSOPSequence") or ()
            ),
        )
    except Exception as error:  # a data set can be wrong in any way
        raise _Wrong(EventStatus.INVALID_ARGUMENT_VALUE) from error


def _uid(item: Dataset, keyword: str) -> str:
    uid = str(item.get(keyword, ""))
    if not is_uid(uid):
        raise ValueError(keyword)
    return uid


def _action_information(inquiry: Inquiry) -> Dataset:
    """Return the action information of PS3.4 Table J.3-1."""
    information = Dataset()
    information.TransactionUID = inquiry.transaction_uid
    items: list[Any] = []
    for reference in inquiry.references:
        item = Dataset()
        item.ReferencedSOPClassUID = reference.sop_class_uid
        item.ReferencedSOPInstanceUID = reference.sop_instance_uid
        items.append(item)
    information.ReferencedSOPSequence = items
    return information
