"""What the conformance statement says of the network (PS3.2), read from the tables that the node works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.datadict import keyword_for_tag
from pydicom.uid import UID
from pynetdicom import AE
from pynetdicom.pdu_primitives import A_ASSOCIATE

from dicom_node.access import TLS_CIPHERS, TLS_LEAST, Rejection
from dicom_node.archive import asked_keys, proposal
from dicom_node.commitment import ANSWERING
from dicom_node.contexts import COMPRESSED, RECEIVED_SOP_CLASSES, UNCOMPRESSED, offered
from dicom_node.inquiry import ASKING
from dicom_node.objects import KINDS
from dicom_node.requestor import contexts_of
from dicom_node.sender import ECHOING, proposal_of
from dicom_node.status import StoreStatus, is_accepted, passes, status_name
from dicom_node.upper_layer import MAXIMUM_PDU_BYTES
from domain.paper import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset
    from pynetdicom.presentation import PresentationContext

    from dicom_node.requestor import Proposal
    from domain.delivery import ResultObject
    from domain.status import Status

CONTEXT_COLUMNS = ("Abstract syntax", "UID", "Transfer syntaxes", "Our role", "Extended negotiation")
_ANSWERS = (
    0x0000,
    0x0107,
    0x0111,
    0x0116,
    0xB000,
    0x0110,
    0x0210,
    0x0213,
    0xA700,
    0x0117,
    0x0122,
    0x0124,
    0xA900,
    0xC000,
)
"""To a C-STORE of ours, one of each kind (PS3.4 Table B.2-1, PS3.7 Annex C)."""


def accepted_contexts(*, worklist: bool) -> Table:
    """Return what the node accepts, from those who may see the reading worklist or from others."""
    return _contexts(offered(worklist=worklist), is_acceptor=True)


def proposed_contexts(proposals: Iterable[Proposal]) -> Table:
    """Return what a peer is asked for; each presentation context once."""
    merged: dict[tuple[str, str], PresentationContext] = {}
    roles = {str(role.sop_class_uid): role for one in proposals for role in one.roles}
    for context in (context for one in proposals for context in contexts_of(one)):
        known = merged.setdefault((str(context.abstract_syntax), _role_of(context, roles)), context)
        for syntax in context.transfer_syntax:
            if syntax not in known.transfer_syntax:
                known.add_transfer_syntax(syntax)
    return Table(
        columns=CONTEXT_COLUMNS,
        rows=[
            _row(context, role, "Role selection" if uid in roles else "None") for (uid, role), context in merged.items()
        ],
    )


def _role_of(context: PresentationContext, roles: Mapping[str, object]) -> str:
    return "SCP" if str(context.abstract_syntax) in roles else "SCU"


ECHO: Sequence[Proposal] = (ECHOING,)
COMMITMENT_ANSWER: Sequence[Proposal] = (ANSWERING,)
COMMITMENT_QUESTION: Sequence[Proposal] = (ASKING,)
RETRIEVAL: Sequence[Proposal] = (proposal(None),)


def delivery(objects: Iterable[ResultObject]) -> list[Proposal]:
    """Return what is proposed to a peer that is sent some objects."""
    return [proposal_of(KINDS[one]) for one in objects if one in KINDS]


def _contexts(contexts: Iterable[PresentationContext], *, is_acceptor: bool) -> Table:
    rows = []
    for context in contexts:
        is_both = bool(context.scu_role and context.scp_role)
        role = "SCP, and SCU by role selection" if is_both else "SCP" if is_acceptor else "SCU"
        rows.append(_row(context, role, "Role selection" if is_both else "None"))
    return Table(columns=CONTEXT_COLUMNS, rows=rows)


def _row(context: PresentationContext, role: str, negotiation: str) -> tuple[str, ...]:
    syntaxes = [UID(str(one)) for one in context.transfer_syntax or []]
    uid = UID(str(context.abstract_syntax))
    return (
        uid.name,
        str(uid),
        "\n".join(f"{one} {one.name}" for one in syntaxes),
        role,
        negotiation,
    )


def statuses(*kinds: type[Status]) -> Table:
    """Return every status that is answered, with when."""
    rows = [(f"0x{int(one):04X}", _words(one.name), one.meaning) for kind in kinds for one in kind]
    return Table(columns=("Status", "Name", "When"), rows=rows)


def _words(name: str) -> str:
    words = name.replace("_", " ").lower()
    words = words[:1].upper() + words[1:]
    return words.replace(" uid", " UID").replace("Sop ", "SOP ").replace(" sop ", " SOP ")


def peers_answers() -> Table:
    """Return what the sender of results does at each kind of answer, as it would decide."""
    return Table(
        columns=("Status", "Name", "What is done"),
        rows=[(_range(status), _name(status), _consequence(status)) for status in _ANSWERS],
    )


def _range(status: int) -> str:
    return {0xB000: "0xBxxx", 0xA700: "0xA7xx", 0xA900: "0xA9xx", 0xC000: "0xCxxx"}.get(status, f"0x{status:04X}")


def _name(status: int) -> str:
    if status == StoreStatus.SUCCESS:
        return "success"
    if status == StoreStatus.DUPLICATE_SOP_INSTANCE:
        return "duplicate SOP instance"
    return "warning" if is_accepted(status) else status_name(status)


def _consequence(status: int) -> str:
    if is_accepted(status):
        return "The object is delivered."
    return "It is sent again, with growing pauses." if passes(status) else "The job is held for a person."


def rejections() -> Table:
    """Return why associations are rejected (PS3.8 Table 9-21)."""
    rows = []
    for one in Rejection:
        primitive = A_ASSOCIATE()
        primitive.result, primitive.result_source, primitive.diagnostic = one.value
        rows.append((primitive.result_str, primitive.source_str, primitive.reason_str, one.meaning))
    return Table(columns=("Result", "Source", "Reason", "When"), rows=rows)


def implementation() -> Table:
    """Return how the program identifies itself, and how much it takes in one PDU."""
    entity = AE()
    return Table(
        columns=("What", "Value"),
        rows=[
            ("Application Context Name", "1.2.840.10008.3.1.1.1"),
            ("Implementation Class UID", str(entity.implementation_class_uid)),
            ("Implementation Version Name", str(entity.implementation_version_name)),
            ("Longest PDU taken, of an association that others open", f"{MAXIMUM_PDU_BYTES} bytes"),
            ("Longest PDU taken, of an association that we open", f"{entity.maximum_pdu_size} bytes"),
        ],
    )


def tls() -> Table:
    """Return what the TLS port of the node speaks (PS3.15 B.9)."""
    return Table(
        columns=("What", "Value"),
        rows=[
            ("Oldest version", TLS_LEAST.name.replace("TLSv1_", "TLS 1.")),
            ("Cipher suites of TLS 1.2, as OpenSSL selects them", f"`{TLS_CIPHERS}`"),
            ("Cipher suites of TLS 1.3", "all that TLS 1.3 has"),
        ],
    )


def query_keys() -> Table:
    """Return the keys that an archive is asked with, by level."""
    return Table(
        columns=("Level", "Attribute", "Tag"),
        rows=[
            (str(identifier.QueryRetrieveLevel), element.name, str(element.tag))
            for identifier in asked_keys()
            for element in _without_level(identifier)
        ],
    )


def _without_level(identifier: Dataset) -> Iterator[DataElement]:
    return (element for element in identifier if keyword_for_tag(element.tag) != "QueryRetrieveLevel")


def film_classes() -> Table:
    """Return the SOP classes of films that are taken from media and by the web, too."""
    return Table(columns=("SOP class", "UID"), rows=[(UID(one).name, one) for one in RECEIVED_SOP_CLASSES])


def film_syntaxes() -> Table:
    """Return the transfer syntaxes that such films may have."""
    syntaxes = [UID(one) for one in (*UNCOMPRESSED, *COMPRESSED)]
    return Table(columns=("Transfer syntax", "UID"), rows=[(one.name, str(one)) for one in syntaxes])
