"""Results on their way to a RIS: the message, its transport, and its acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from domain.delivery import Dispatch, Proof
from domain.errors import Permanent
from ris.acknowledgement import judge
from ris.mllp import MllpAddress, exchange
from ris.oru import Parties, build_oru

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from domain.delivery_ports import SubjectReader
    from domain.findings import ModelVersion


@dataclass(frozen=True, kw_only=True, slots=True)
class RisPeer:
    """A RIS that takes results."""

    name: str
    address: MllpAddress
    parties: Parties


class MessageCourier:
    """Tells results as ORU^R01 messages over MLLP: implements `domain.delivery_ports.Courier`."""

    def __init__(
        self,
        *,
        peers: Iterable[RisPeer],
        subjects: SubjectReader,
        device_uid: Callable[[ModelVersion], str],
    ) -> None:
        """Deliver to these peers.

        Args:
            peers: those that may be told something.
            subjects: knows whom a result is about.
            device_uid: returns the UID of a network as a device, as the reports have it.
        """
        self._peers = {peer.name: peer for peer in peers}
        self._subjects = subjects
        self._device_uid = device_uid

    def deliver(self, dispatch: Dispatch) -> Proof:
        """Send the message and return when the peer has accepted it.

        Every try sends the same bytes under the same MSH-10, so that a peer which took the message and was not heard
        can know it again.

        Raises:
            Away: the peer can't be reached.
            Transient: the peer is silent, or does not answer to the message.
            Doubtful: the peer had an error with it (AE).
            Permanent: the peer is not configured, or rejects the message (AR).
        """
        peer = self._peers.get(dispatch.peer)
        if peer is None:
            raise Permanent("the peer is not configured any more")
        message = build_oru(
            dispatch,
            self._subjects.subject(dispatch.findings),
            parties=peer.parties,
            device_uid=self._device_uid(dispatch.findings.model),
        )
        reply = exchange(peer.address, message)
        accepted = judge(reply, dispatch.fingerprint)
        return Proof(control_id=accepted.control_id, comment=accepted.said)
