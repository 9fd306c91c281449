"""Associations that we open: to a peer of the settings, released at the end, their failures in Hilum's words."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynetdicom import AE, evt
from pynetdicom.presentation import build_context

from domain.errors import Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom.dataset import Dataset
    from pynetdicom.association import Association
    from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
    from pynetdicom.presentation import PresentationContext

    from domain.ids import AeTitle

TIMEOUT_S = 30.0
"""For the connection, for the answer to the association's request and for each answer within it."""
_TRANSFER_SYNTAXES = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]  # Explicit and Implicit VR Little Endian


@dataclass(frozen=True, kw_only=True, slots=True)
class PeerAddress:
    """Where a peer listens and what it is called."""

    name: str
    ae_title: AeTitle
    host: str
    port: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """What an association is to be good for."""

    service: str
    """In words, for the message where the peer has nothing of the kind."""
    sop_classes: Sequence[str]
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = ()
    """Where we are not the user of a SOP class but its provider (PS3.7 D.3.3.4)."""
    contexts: Sequence[PresentationContext] = ()
    """Further presentation contexts, in transfer syntaxes of their own."""
    patience_s: float | None = None
    """The longest silence within the association, if it differs from the other timeouts."""


@contextmanager
def associated(
    peer: PeerAddress, calling: AeTitle, proposal: Proposal, *, timeout_s: float = TIMEOUT_S
) -> Iterator[Association]:
    """Open an association and release it at the end.

    Raises:
        Transient: the peer can't be reached or refuses.
        Permanent: the peer accepts none of the SOP classes.

    """
    entity = AE(ae_title=calling)
    entity.connection_timeout = entity.acse_timeout = timeout_s
    entity.dimse_timeout = entity.network_timeout = proposal.patience_s or timeout_s
    association = entity.associate(
        peer.host,
        peer.port,
        contexts=[
            *(build_context(sop_class, _TRANSFER_SYNTAXES) for sop_class in proposal.sop_classes),
            *proposal.contexts,
        ],
        ae_title=peer.ae_title,
        ext_neg=list(proposal.roles),
        evt_handlers=[(evt.EVT_CONN_OPEN, _send_at_once)],
    )
    if not association.is_established:
        raise _no_association(association, proposal.service)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _send_at_once(event: evt.Event) -> None:
    """Let no PDU wait for the peer's acknowledgement of the one before: it may take 40 ms."""
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def status_of(response: Dataset) -> int:
    """Return the status of a response.

    Raises:
        Transient: there was none.

    """
    if "Status" not in response:
        raise Transient("the peer did not answer in time or broke off the association")
    return int(response.Status)


def _no_association(association: Association, service: str) -> Transient | Permanent:
    """Say why there is no association: away and refusing may pass, a peer without the service will not."""
    if association.is_rejected:
        answer = association.acceptor.primitive
        return Transient(
            "the peer rejected the association"
            if answer is None
            else f"the peer rejected the association: {answer.result_str}, {answer.reason_str}"
        )
    if association.rejected_contexts:
        return Permanent(f"the peer accepts no SOP class of {service}")
    return Transient("the peer can't be reached or broke off the association")
