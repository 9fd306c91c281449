"""Results on their way to the PACS: C-STORE and C-ECHO as a user of the peer's services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydicom.uid import UID

from dicom_node.evidence import text_of
from dicom_node.films import SpoolFilms
from dicom_node.identity import ReportSettings
from dicom_node.objects import KINDS, Making
from dicom_node.requestor import TIMEOUT_S, PeerAddress, Proposal, associated, status_of
from dicom_node.silence import quiet
from dicom_node.status import is_accepted, passes, status_name
from domain.delivery import Proof
from domain.errors import Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydicom.dataset import Dataset
    from pynetdicom.association import Association

    from dicom_node.objects import Kind
    from dicom_node.store import Store
    from domain.delivery import Dispatch
    from domain.film import Picture
    from domain.ids import AeTitle

_VERIFICATION = "1.2.840.10008.1.1"
ECHOING = Proposal(service="verification", sop_classes=(_VERIFICATION,))


class ResultSender:
    """Builds objects of results from the store's films and stores them at peers; a `domain.delivery_ports.Courier`."""

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

    def deliver(self, dispatch: Dispatch) -> Proof:
        """C-STORE the object at its peer and return what the peer acknowledged.

        Raises:
            Away: the peer can't be reached or takes no association.
            Transient: the peer is out of resources or broke off, or the store can't be read now.
            Permanent: the peer is not configured, takes no such object, or refused this one; the message names the
                status. Or the object can't be made of these films.

        """
        return self._deliver(dispatch)

    def deliver_picture(self, dispatch: Dispatch, picture: Picture, *, is_resized: bool) -> Proof:
        """C-STORE a picture of the result at its peer; see `deliver`.

        Args:
            dispatch: What is sent to whom.
            picture: (rows, columns, 3), uint8.
            is_resized: Whether the film's pixels in it are not those of the film.

        """
        return self._deliver(dispatch, picture=picture, is_resized=is_resized)

    def deliver_pages(self, dispatch: Dispatch, pages: bytes) -> Proof:
        """C-STORE the pages of the result, a PDF, at its peer; see `deliver`."""
        return self._deliver(dispatch, pages=pages)

    def _deliver(self, dispatch: Dispatch, **shown: Any) -> Proof:  # noqa: ANN401 - fields of `Making`
        address, kind = self._peers.get(dispatch.peer), KINDS.get(dispatch.object)
        if address is None or kind is None:
            raise Permanent("the peer is not configured any more")
        headers = (self._films.dataset(film) for film in dispatch.findings.films)
        known = [header for header in headers if header is not None]
        with associated(address, self._calling, proposal_of(kind), timeout_s=self._timeout_s) as association:
            sop_class, syntax = _accepted_class(association, kind)
            making = Making(dispatch=dispatch, headers=known, sop_class_uid=sop_class, settings=self._settings, **shown)
            for made in _made(kind, making):
                try:
                    return _stored(association, kind, made, syntax)
                except _NotEncodable:
                    continue
        raise Permanent(f"the {kind.name} can't be encoded")


def proposal_of(kind: Kind) -> Proposal:
    """Return what is proposed to a peer that is sent an object."""
    return Proposal(service=f"a {kind.name}", sop_classes=kind.sop_classes)


def _made(kind: Kind, making: Making) -> Iterator[Dataset]:
    """Make the object, and a plainer one if that is asked for.

    Raises:
        Permanent: it can't be made of these films.

    """
    try:
        yield from kind.make(making)
    except Exception as error:  # a header can be wrong in any way, and its text may hold a patient's data
        raise Permanent(f"the {kind.name} can't be made of this film ({type(error).__name__})") from error


class _NotEncodable(Exception):
    """The report holds a value that can't be written; nothing was sent."""


def echo(peer: PeerAddress, calling: AeTitle, *, timeout_s: float = TIMEOUT_S) -> int:
    """C-ECHO the peer and return the DIMSE status, 0x0000 if all is well.

    Raises:
        Transient: no association, or no answer.

    """
    with associated(peer, calling, ECHOING, timeout_s=timeout_s) as association:
        try:
            response = association.send_c_echo()
        except (RuntimeError, ValueError) as error:
            raise Transient("the peer does not accept the verification service") from error
        return status_of(response)


def accepted_classes(
    peer: PeerAddress, calling: AeTitle, what: str, sop_classes: Sequence[str], *, timeout_s: float = TIMEOUT_S
) -> list[str]:
    """Ask a peer which SOP classes it accepts, and return their names; nothing is sent.

    Raises:
        Transient: the peer can't be reached or refuses.
        Permanent: it accepts none of them.

    """
    proposal = Proposal(service=what, sop_classes=sop_classes)
    with associated(peer, calling, proposal, timeout_s=timeout_s) as association:
        accepted = {str(context.abstract_syntax) for context in association.accepted_contexts}
    return [UID(sop_class).name for sop_class in sop_classes if sop_class in accepted]


def _accepted_class(association: Association, kind: Kind) -> tuple[str, str]:
    """Return the best SOP class that the peer accepted, with its transfer syntax."""
    accepted = {str(context.abstract_syntax): context for context in association.accepted_contexts}
    for sop_class in kind.sop_classes:
        if sop_class in accepted:
            return sop_class, str(accepted[sop_class].transfer_syntax[0])
    raise Permanent(f"the peer accepts no SOP class of a {kind.name}")


def _stored(association: Association, kind: Kind, made: Dataset, transfer_syntax: str) -> Proof:
    """C-STORE and judge the answer."""
    made.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    try:
        with quiet():
            response = association.send_c_store(made)
    except RuntimeError as error:  # the association ended between negotiation and request
        raise Transient("the peer broke off the association") from error
    except ValueError as error:  # pynetdicom's, before anything is sent
        raise _NotEncodable from error
    status, comment = status_of(response), text_of(response, "ErrorComment")
    if is_accepted(status):
        return Proof(
            status=status,
            sop_class_uid=str(made.SOPClassUID),
            sop_instance_uid=str(made.SOPInstanceUID),
            comment=comment,
        )
    refusal = Transient if passes(status) else Permanent
    raise refusal(f"the peer refused the {kind.name}: {status_name(status)} (0x{status:04X})", said=comment)
