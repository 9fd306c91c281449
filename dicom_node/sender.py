"""Reports on their way to the PACS: C-STORE and C-ECHO as a user of the peer's services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.uid import UID

from dicom_node.films import SpoolFilms
from dicom_node.identity import ReportSettings
from dicom_node.requestor import TIMEOUT_S, PeerAddress, Proposal, associated, status_of
from dicom_node.silence import quiet
from dicom_node.status import is_accepted, passes, status_name
from domain.errors import Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom.dataset import Dataset
    from pynetdicom.association import Association

    from dicom_node.store import Store
    from domain.findings import Message
    from domain.ids import AeTitle

_VERIFICATION = "1.2.840.10008.1.1"
_REPORT_CLASSES = (
    # The one preferred stands first; all three hold the same content tree.
    "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR Storage
    "1.2.840.10008.5.1.4.1.1.88.33",  # Comprehensive SR Storage
    "1.2.840.10008.5.1.4.1.1.88.22",  # Enhanced SR Storage
)
_REPORTING = Proposal(service="a structured report", sop_classes=_REPORT_CLASSES)
_ECHOING = Proposal(service="verification", sop_classes=(_VERIFICATION,))


class ReportSender:
    """Builds a report from the store's films and stores it at a peer: implements `domain.ports.Reporter`."""

    def __init__(
        self,
        *,
        peers: Iterable[PeerAddress],
        calling: AeTitle,
        store: Store,
        settings: ReportSettings | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._peers = {peer.name: peer for peer in peers}
        self._calling = calling
        self._films = SpoolFilms(store)
        self._settings = settings or ReportSettings()
        self._timeout_s = timeout_s

    def deliver(self, message: Message) -> tuple[int, str]:
        """C-STORE the report at its peer; return the DIMSE status and the report's SOP Instance UID.

        Raises:
            Transient: the peer is away or out of resources, or the store can't be read now.
            Permanent: the peer is not configured, takes no report, or refused this one; the message names the status.

        """
        address = self._peers.get(message.peer)
        if address is None:
            raise Permanent("the peer is not configured any more")
        from dicom_node.report import build_report, minimal_report  # loads highdicom, which `hilum echo` does not need

        findings = message.findings
        headers = (self._films.dataset(film) for film in findings.films)
        sources = [header for header in headers if header is not None]
        with associated(address, self._calling, _REPORTING, timeout_s=self._timeout_s) as association:
            sop_class, transfer_syntax = _accepted_class(association)
            what: dict[str, Any] = {
                "created": message.made_at,
                "sop_class_uid": sop_class,
                "settings": self._settings,
                "predecessor": message.predecessor,
            }
            report = build_report(findings, sources, **what, is_encoded=True)
            try:
                return _store(association, report, transfer_syntax), str(report.SOPInstanceUID)
            except _NotEncodable:
                report = minimal_report(findings, sources, **what)
            try:
                return _store(association, report, transfer_syntax), str(report.SOPInstanceUID)
            except _NotEncodable as error:
                raise Permanent("the report can't be encoded") from error


class _NotEncodable(Exception):
    """The report holds a value that can't be written; nothing was sent."""


def echo(peer: PeerAddress, calling: AeTitle, *, timeout_s: float = TIMEOUT_S) -> int:
    """C-ECHO the peer and return the DIMSE status, 0x0000 if all is well.

    Raises:
        Transient: no association, or no answer.

    """
    with associated(peer, calling, _ECHOING, timeout_s=timeout_s) as association:
        try:
            response = association.send_c_echo()
        except (RuntimeError, ValueError) as error:
            raise Transient("the peer does not accept the verification service") from error
        return status_of(response)


def _accepted_class(association: Association) -> tuple[str, str]:
    """Return the best SOP class that the peer accepted, with its transfer syntax."""
    accepted = {str(context.abstract_syntax): context for context in association.accepted_contexts}
    for sop_class in _REPORT_CLASSES:
        if sop_class in accepted:
            return sop_class, str(accepted[sop_class].transfer_syntax[0])
    raise Permanent("the peer accepts no SOP class of a structured report")


def _store(association: Association, report: Dataset, transfer_syntax: str) -> int:
    """C-STORE and judge the answer."""
    report.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    try:
        with quiet():
            response = association.send_c_store(report)
    except RuntimeError as error:  # the association ended between negotiation and request
        raise Transient("the peer broke off the association") from error
    except ValueError as error:  # pynetdicom's, before anything is sent
        raise _NotEncodable from error
    status = status_of(response)
    if is_accepted(status):
        return status
    kind = Transient if passes(status) else Permanent
    raise kind(f"the peer refused the report: {status_name(status)} (0x{status:04X})")
