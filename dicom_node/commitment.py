"""Storage commitment (PS3.4 Annex J): a modality's request, and its answer on a new association."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydicom.dataset import Dataset
from pynetdicom import build_role

from dicom_node.contexts import STORAGE_COMMITMENT
from dicom_node.requestor import TIMEOUT_S, PeerAddress, Proposal, associated, status_of
from dicom_node.silence import quiet
from dicom_node.status import passes, status_name
from domain.commitment import CommitmentRequest, Reference
from domain.errors import Permanent, Transient
from domain.ids import SopInstanceUid
from domain.status import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pynetdicom.events import Event

    from domain.commitment import CommitmentReport
    from domain.ids import AeTitle
    from domain.ports import CommitmentDesk
    from worker.events import Events

_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
"""The well-known SOP Instance of Storage Commitment."""
_REQUEST_STORAGE_COMMITMENT = 1
_ALL_COMMITTED = 1
_FAILURES_EXIST = 2
_UID = re.compile(r"[0-9.]{1,64}")
ANSWERING: Final = Proposal(
    service="storage commitment",
    sop_classes=(STORAGE_COMMITMENT,),
    roles=(build_role(STORAGE_COMMITMENT, scu_role=False, scp_role=True),),
)
"""What is proposed to a modality that is told whether its films are safe."""


class ActionStatus(Status):
    """Status of an N-ACTION response (PS3.7 Section 10.1.4.1.10)."""

    SUCCESS = 0x0000, "The request is kept, and will be answered."
    NO_SUCH_SOP_INSTANCE = 0x0112, "It is not addressed to the Storage Commitment Push Model SOP Instance."
    INVALID_ARGUMENT_VALUE = 0x0115, "There is no Transaction UID, or no instance, or one without its UIDs."
    NO_SUCH_ACTION = 0x0123, "Another action type than 1."
    NOT_AUTHORISED = 0x0124, "No peer that may send has this AE title: there is nowhere to answer to."
    RESOURCE_LIMITATION = 0x0213, "The database is away: the modality should ask again."


def take_request(event: Event, calling: str, desk: CommitmentDesk, events: Events) -> ActionStatus:
    """Leave the request of an N-ACTION at the desk and say what to answer; never raises."""
    status, count = ActionStatus.INVALID_ARGUMENT_VALUE, 0
    try:
        with quiet():
            request = _request(event, calling)
        count = len(request.references)
        status = ActionStatus.SUCCESS if desk.ask(request) else ActionStatus.NOT_AUTHORISED
    except _Refused as refusal:
        status = refusal.status
    except Exception as error:  # noqa: BLE001 - foreign bytes, or the database: the peer gets a status in any case
        events.error("storage-unavailable", error=type(error).__name__)
        status = ActionStatus.RESOURCE_LIMITATION
    if status is ActionStatus.SUCCESS:
        events.info("commitment-requested", calling=calling, count=count)
    else:
        events.warning("commitment-refused", calling=calling, status=status.name)
    return status


class _Refused(Exception):
    def __init__(self, status: ActionStatus) -> None:
        super().__init__(status.name)
        self.status = status


def _request(event: Event, calling: str) -> CommitmentRequest:
    message: Any = event.request  # an N-ACTION, since that is what the event is for
    if str(message.RequestedSOPInstanceUID) != _INSTANCE:
        raise _Refused(ActionStatus.NO_SUCH_SOP_INSTANCE)
    if event.action_type != _REQUEST_STORAGE_COMMITMENT:
        raise _Refused(ActionStatus.NO_SUCH_ACTION)
    try:
        information = event.action_information
        transaction_uid = str(information.get("TransactionUID", ""))
        references = tuple(_reference(item) for item in information.get("ReferencedSOPSequence") or ())
    except _Refused:
        raise
    except Exception as error:  # a data set can be wrong in any way
        raise _Refused(ActionStatus.INVALID_ARGUMENT_VALUE) from error
    if not references or not _UID.fullmatch(transaction_uid):
        raise _Refused(ActionStatus.INVALID_ARGUMENT_VALUE)
    return CommitmentRequest(calling_ae_title=calling, transaction_uid=transaction_uid, references=references)


def _reference(item: Dataset) -> Reference:
    sop_class, instance = str(item.get("ReferencedSOPClassUID", "")), str(item.get("ReferencedSOPInstanceUID", ""))
    if not (_UID.fullmatch(sop_class) and _UID.fullmatch(instance)):
        raise _Refused(ActionStatus.INVALID_ARGUMENT_VALUE)
    return Reference(sop_class_uid=sop_class, sop_instance_uid=SopInstanceUid(instance))


class CommitmentSender:
    """Answers modalities on associations of their own: implements `domain.ports.CommitmentReporter`."""

    def __init__(self, *, peers: Iterable[PeerAddress], calling: AeTitle, timeout_s: float = TIMEOUT_S) -> None:
        self._peers = {peer.name: peer for peer in peers}
        self._calling = calling
        self._timeout_s = timeout_s

    def report(self, report: CommitmentReport) -> None:
        """Send the N-EVENT-REPORT and return when the peer took it.

        Raises:
            Transient: the peer is away or busy.
            Permanent: the peer is not configured, takes no such answer, or refused it; the message names the status.

        """
        address = self._peers.get(report.peer)
        if address is None:
            raise Permanent("the peer is not configured any more")
        event = _FAILURES_EXIST if report.failed else _ALL_COMMITTED
        with associated(address, self._calling, ANSWERING, timeout_s=self._timeout_s) as association:
            try:
                response, _ = association.send_n_event_report(
                    _event_information(report), event, STORAGE_COMMITMENT, _INSTANCE
                )
            except (RuntimeError, ValueError) as error:
                raise Transient("the peer broke off the association") from error
            status = status_of(response)
        if status != 0:
            kind = Transient if passes(status) else Permanent
            raise kind(f"the peer refused the answer to storage commitment: {status_name(status)} (0x{status:04X})")


def _event_information(report: CommitmentReport) -> Dataset:
    """Return the event information of PS3.4 Table J.3-2."""
    information = Dataset()
    information.TransactionUID = report.transaction_uid
    if report.committed:
        information.ReferencedSOPSequence = [_item(reference) for reference in report.committed]
    if report.failed:
        information.FailedSOPSequence = [_item(reference) for reference, _ in report.failed]
        for item, (_, reason) in zip(information.FailedSOPSequence, report.failed, strict=True):
            item.FailureReason = int(reason)
    return information


def _item(reference: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = reference.sop_class_uid
    item.ReferencedSOPInstanceUID = reference.sop_instance_uid
    return item
