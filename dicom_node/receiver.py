"""The DICOM node: takes films from modalities and PACS, and says success only for what is durable."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynetdicom import AE, evt
from pynetdicom.transport import AddressInformation

from dicom_node.arrivals import StorageArrival, Turned
from dicom_node.contexts import offered
from dicom_node.status import StoreStatus
from dicom_node.upper_layer import MAXIMUM_PDU_BYTES, ReceivingAssociation
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pynetdicom.events import Event

    from dicom_node.arrivals import Storage
    from dicom_node.command_set import Command
    from dicom_node.upper_layer import Arrival
    from dicom_node.workload import Workload

_ACSE_TIMEOUT_SECONDS = 30
_IDLE_TIMEOUT_SECONDS = 60
_OPENING_PATIENCE_SECONDS = 10.0
_BACKLOG = 128
_MODEST_SECONDS = 0.002
"""How long a process leaves a connection to one that has less to do."""

_LOCAL_LIMIT_EXCEEDED = (0x02, 0x03, 0x02)
"""Result, source and reason of a rejected association (PS3.8 Section 9.3.4)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listener:
    """Where the node listens and whom it hears."""

    ae_title: str
    host: str
    port: int
    """0: any free port."""
    maximum_associations: int
    """Of all processes together."""
    accepted_ae_titles: Sequence[str]
    """Calling AE titles that may open associations; empty: all."""


def listen(listener: Listener) -> socket.socket:
    """Return a listening socket that several processes may accept from.

    Raises:
        Misconfigured: the address can't be listened on.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        own = socket.socket(family, socket.SOCK_STREAM)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind(address)
        own.listen(_BACKLOG)
        own.settimeout(0)
    except OSError as error:
        raise Misconfigured(
            f"can't listen on {listener.host}:{listener.port}: {error.strerror}; "
            "choose another node.host or node.port, or stop what uses it"
        ) from error
    return own


class Node:
    """A running SCP of Verification and Storage for CR and DX: one of the processes behind one listening socket.

    It answers before the database is found, so that a modality's C-ECHO is answered soon after the start. A film that
    comes before `open_storage` waits for a moment and is then refused as out of resources: its sender tries again.
    """

    def __init__(self, listener: Listener, own: socket.socket, workload: Workload) -> None:
        self._listener = listener
        self._socket = own
        self._workload = workload
        self._storage: Storage | None = None
        self._is_open = threading.Event()
        self._is_stopping = threading.Event()
        self._ae = _application_entity(listener)
        self._associations: set[ReceivingAssociation] = set()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Accept connections; senders are served by threads from now on."""
        self._thread = threading.Thread(target=self._accept, name="accept", daemon=True)
        self._thread.start()

    def open_storage(self, storage: Storage) -> None:
        """Begin to take films."""
        self._storage = storage
        self._is_open.set()

    def stop(self) -> None:
        """Accept no more, and end the associations."""
        self._is_stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        for association in list(self._associations):
            association.end()

    def begin(self, command: Command, transfer_syntax_uid: str, calling: str) -> Arrival:
        """Prepare for an instance."""
        self._is_open.wait(_OPENING_PATIENCE_SECONDS)
        if self._storage is None:
            return Turned(StoreStatus.OUT_OF_RESOURCES)
        return StorageArrival(self._storage, command, transfer_syntax_uid, calling)

    def _accept(self) -> None:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        while not self._is_stopping.is_set():
            if not poll.poll(250):
                continue
            if self._workload.is_above_least():
                self._is_stopping.wait(_MODEST_SECONDS)
            try:
                connection, address = self._socket.accept()
            except OSError:  # another process took it, or the peer went away; or descriptors ran out
                continue
            threading.Thread(target=self._serve, args=(connection, address), daemon=True).start()

    def _serve(self, connection: socket.socket, address: Any) -> None:  # noqa: ANN401 - by address family
        with self._workload.one_connection(), ExitStack() as counted:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            association = self._association(connection, address, counted)
            self._associations.add(association)
            try:
                association.serve(connection, _Door(self, association))
            finally:
                self._associations.discard(association)

    def _association(
        self,
        connection: socket.socket,
        address: Any,  # noqa: ANN401 - by address family
        counted: ExitStack,
    ) -> ReceivingAssociation:
        association = ReceivingAssociation(self._ae)
        association.acceptor.maximum_length = MAXIMUM_PDU_BYTES
        association.acceptor.ae_title = self._listener.ae_title
        association.acceptor.address_info = AddressInformation.from_tuple(connection.getsockname())
        association.acceptor.implementation_class_uid = self._ae.implementation_class_uid
        association.acceptor.implementation_version_name = self._ae.implementation_version_name
        association.acceptor.supported_contexts = offered()
        association.requestor.address_info = AddressInformation.from_tuple(address)
        association.bind(evt.EVT_REQUESTED, self._on_requested, [counted])
        association.bind(evt.EVT_REJECTED, self._on_rejected)
        return association

    def _on_requested(self, event: Event, counted: ExitStack) -> None:
        counted.enter_context(self._workload.one_association())
        if self._workload.associations() > self._listener.maximum_associations:
            association: Any = event.assoc
            self._tell_rejected(str(association.requestor.primitive.calling_ae_title))
            association.reject(*_LOCAL_LIMIT_EXCEEDED)

    def _on_rejected(self, event: Event) -> None:
        self._tell_rejected(str(event.assoc.requestor.ae_title))

    def _tell_rejected(self, calling: str) -> None:
        if self._storage is not None:
            self._storage.events.warning("association-rejected", calling=calling)


class _Door:
    """The node as one association sees it; implements `dicom_node.upper_layer.Store`."""

    def __init__(self, node: Node, association: ReceivingAssociation) -> None:
        self._node = node
        self._association = association

    def begin(self, command: Command, transfer_syntax_uid: str) -> Arrival:
        """Prepare for an instance."""
        return self._node.begin(command, transfer_syntax_uid, str(self._association.requestor.ae_title))


def _application_entity(listener: Listener) -> AE:
    ae = AE(ae_title=listener.ae_title)
    ae.maximum_pdu_size = MAXIMUM_PDU_BYTES
    ae.maximum_associations = 1_000_000  # the node counts those of all processes
    ae.acse_timeout = _ACSE_TIMEOUT_SECONDS
    ae.network_timeout = _IDLE_TIMEOUT_SECONDS
    ae.require_calling_aet = list(listener.accepted_ae_titles)
    return ae
