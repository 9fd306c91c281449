"""Takes films on an association that we opened, during C-GET (PS3.4 C.4.3), in fragments, as the node does."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from pynetdicom.pdu_primitives import P_DATA

from dicom_node.arrivals import StorageArrival, Turned, why_not_now
from dicom_node.contexts import RECEIVED_SOP_CLASSES
from dicom_node.messages import Messages, ProtocolError
from dicom_node.requestor import RequestorProvider
from dicom_node.status import StoreStatus

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

    from dicom_node.arrivals import Storage
    from dicom_node.command_set import Command
    from dicom_node.messages import Arrival
    from domain.errors import Transient

_COMMAND_AND_LAST = b"\x03"
"""Message control header of a command set that is whole (PS3.8 Annex E.2)."""
_INVALID = "Evt19"
"""Of pynetdicom's state machine: the peer sent what no PDU can be, so that the association is aborted."""


class Arrivals:
    """Where films go that a peer sends on our association; implements `dicom_node.messages.Store`."""

    def __init__(self, storage: Storage, source: str, stop: threading.Event) -> None:
        self._storage = storage
        self._source = source
        self._stop = stop
        self.trouble: Transient | None = None
        """Why disk or database can't take films now."""

    def begin(self, command: Command, transfer_syntax_uid: str) -> Arrival:
        """Prepare for an instance."""
        if self._stop.is_set():
            return Turned(StoreStatus.OUT_OF_RESOURCES)
        if command.sop_class_uid not in RECEIVED_SOP_CLASSES:
            return Turned(StoreStatus.CANNOT_UNDERSTAND)
        return _Watched(StorageArrival(self._storage, command, transfer_syntax_uid, self._source), self)


class _Watched:
    """An instance that tells when disk or database could not take it; implements `dicom_node.messages.Arrival`."""

    def __init__(self, arrival: StorageArrival, arrivals: Arrivals) -> None:
        self._arrival = arrival
        self._arrivals = arrivals
        self.write = arrival.write
        self.abandon = arrival.abandon

    def finish(self) -> StoreStatus:
        status = self._arrival.finish()
        if status is StoreStatus.OUT_OF_RESOURCES:
            self._arrivals.trouble = why_not_now(self._arrival.problem)
        return status


class StreamingProvider(RequestorProvider):
    """Our message service, but that the fragments of a C-STORE request go straight to the disk.

    The original keeps a film in memory until it is whole, and takes the time that this needs for silence.
    """

    def __init__(self, association: Association, arrivals: Arrivals) -> None:
        super().__init__(association)
        self._messages = Messages(_Line(association, super().receive_primitive), arrivals)

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take the presentation data values of one PDU; in the thread of the upper layer."""
        self.heard = time.monotonic()
        try:
            for context_id, value in primitive.presentation_data_value_list:
                self._messages.take_value(context_id, value[0], memoryview(value)[1:])
        except ProtocolError:
            self.dul.event_queue.put(_INVALID)
        self.heard = time.monotonic()

    def abandon(self) -> None:
        """Forget what is half here."""
        self._messages.abandon()


class _Line:
    """Our association as `Messages` sees it; implements `dicom_node.messages.Line`."""

    def __init__(self, association: Association, hand_over: Any) -> None:  # noqa: ANN401 - a method of pynetdicom's
        self._association = association
        self.hand_over = hand_over

    def accepted_context(self, context_id: int) -> PresentationContext | None:
        """Return an accepted presentation context by its ID, None where there is none."""
        return self._association._accepted_cx.get(context_id)  # noqa: SLF001 - the original has no other

    def reply(self, context_id: int, command_set: bytes) -> None:
        """Send a command set without data."""
        primitive = P_DATA()
        values: list[Any] = [[context_id, _COMMAND_AND_LAST + command_set]]  # the original takes lists only
        primitive.presentation_data_value_list = values
        self._association.dul.send_pdu(primitive)
