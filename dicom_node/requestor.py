"""Associations that we open: to a peer of the settings, released at the end, their failures in Hilum's words."""

from __future__ import annotations

import queue
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynetdicom import AE, evt
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.presentation import build_context

from domain.errors import Away, Permanent, Transient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pydicom.dataset import Dataset
    from pynetdicom.association import Association
    from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
    from pynetdicom.presentation import PresentationContext

    from domain.ids import AeTitle

TIMEOUT_S = 30.0
"""For the connection, for the answer to the association's request and for each answer within it."""
_LOOK_S = 1.0
"""How often whoever waits for an answer looks whether one can still come."""
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
    handlers: Sequence[tuple[evt.EventType, Callable[[evt.Event], Any]]] = ()
    """What serves requests that the peer makes on the association."""
    patience_s: float | None = None
    """The longest silence within the association, if it differs from the other timeouts."""


def contexts_of(proposal: Proposal) -> list[PresentationContext]:
    """Return the presentation contexts that a peer is asked for."""
    return [*(build_context(one, _TRANSFER_SYNTAXES) for one in proposal.sop_classes), *proposal.contexts]


@contextmanager
def associated(
    peer: PeerAddress, calling: AeTitle, proposal: Proposal, *, timeout_s: float = TIMEOUT_S
) -> Iterator[Association]:
    """Open an association and release it at the end.

    Raises:
        Away: the peer can't be reached or refuses.
        Permanent: the peer accepts none of the SOP classes.

    """
    entity = AE(ae_title=calling)
    entity.connection_timeout = entity.acse_timeout = timeout_s
    entity.dimse_timeout = entity.network_timeout = proposal.patience_s or timeout_s
    association = entity.associate(
        peer.host,
        peer.port,
        contexts=contexts_of(proposal),
        ae_title=peer.ae_title,
        ext_neg=list(proposal.roles),
        evt_handlers=[(evt.EVT_CONN_OPEN, _prepare), *proposal.handlers],
    )
    if not association.is_established:
        raise _no_association(association, proposal.service)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()
        _close(association)


def _close(association: Association) -> None:
    """Close a connection that the library left open, as it does where the peer was the first to close it."""
    connection = association.dul.socket
    if not association.dul.is_alive() and connection is not None and connection.socket is not None:
        connection.socket.close()


def _prepare(event: evt.Event) -> None:
    """Lose no answer, and let no PDU wait for the peer's acknowledgement of the one before: it may take 40 ms."""
    event.assoc.dimse = RequestorProvider(event.assoc)
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class RequestorProvider(DIMSEServiceProvider):
    """pynetdicom's message service, but that answers reach only whoever waits for them.

    The original has one queue for answers to us and requests to us. Its own thread, which serves requests, should pause
    while we wait for an answer; on a busy machine it may be late, take the answer for a request and drop it.
    """

    def __init__(self, association: Association) -> None:
        super().__init__(association)
        self._requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.msg_queue = _Answers(self._requests)
        self.heard = time.monotonic()
        """When the peer was last heard, on the monotonic clock, or else when we began to wait for it."""

    def get_msg(self, block: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - as the original has it
        """Return the next message and its presentation context: of the answers if `block`, else of the requests.

        (None, None) where there is none, where the peer has been silent for too long, or is gone.
        """
        if block:
            return self._answer()
        try:
            return self._requests.get_nowait()
        except queue.Empty:
            return None, None

    def _answer(self) -> Any:  # noqa: ANN401 - as the original has it
        self.heard = time.monotonic()
        while (left := self.heard + (self.dimse_timeout or TIMEOUT_S) - time.monotonic()) > 0:
            can_come = self.dul.is_alive()  # it may end without a word, after a failure of its own
            try:
                return self.msg_queue.get(timeout=min(left, _LOOK_S) if can_come else 0)
            except queue.Empty:
                if not can_come:
                    break
        return None, None


class _Answers(queue.Queue[Any]):
    """A queue that passes requests on to another."""

    def __init__(self, requests: queue.SimpleQueue[Any]) -> None:
        super().__init__()
        self._requests = requests

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:  # noqa: ANN401, FBT001, FBT002 - as the original has it
        """Add a message with its presentation context, or (None, None) where none will come any more."""
        _, message = item
        if message is not None and message.is_valid_request:
            self._requests.put(item)
        else:
            super().put(item, block, timeout)


def status_of(response: Dataset) -> int:
    """Return the status of a response.

    Raises:
        Transient: there was none.

    """
    if "Status" not in response:
        raise Transient("the peer did not answer in time or broke off the association")
    return int(response.Status)


def _no_association(association: Association, service: str) -> Away | Permanent:
    """Say why there is no association: away and refusing may pass, a peer without the service will not."""
    if association.is_rejected:
        answer = association.acceptor.primitive
        return Away(
            "the peer rejected the association"
            if answer is None
            else f"the peer rejected the association: {answer.result_str}, {answer.reason_str}"
        )
    if association.rejected_contexts and not association.accepted_contexts:
        return Permanent(f"the peer accepts no SOP class of {service}")
    return Away("the peer can't be reached or broke off the association")
