"""The DICOM node: takes films from modalities and PACS, and says success only for what is durable."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pynetdicom import AE, evt
from pynetdicom.transport import AddressInformation

from dicom_node import worklist_service
from dicom_node.access import Access, Rejection, TlsFiles, tls_context
from dicom_node.arrivals import StorageArrival, Turned
from dicom_node.commitment import ActionStatus, take_request
from dicom_node.contexts import WORKLIST, offered
from dicom_node.inquiry import EventStatus, take_answer
from dicom_node.status import StoreStatus
from dicom_node.turnstile import Turnstile
from dicom_node.upper_layer import MAXIMUM_PDU_BYTES, ReceivingAssociation
from dicom_node.worklist import StepStatus
from domain.errors import Misconfigured, Transient
from domain.measures import ASSOCIATIONS, ECHOES, FILMS
from domain.meters import NO_METERS
from domain.traces import NO_TRACES

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from pydicom.dataset import Dataset
    from pynetdicom.events import Event

    from dicom_node.arrivals import Storage
    from dicom_node.command_set import Command
    from dicom_node.messages import Arrival
    from dicom_node.worklist import ReadingWorklist
    from dicom_node.worklist_service import StepService
    from dicom_node.workload import Workload
    from domain.delivery_ports import AnswerDesk
    from domain.ids import StudyId
    from domain.meters import Meters
    from domain.ports import CommitmentDesk
    from domain.traces import Tracer

_OPENING_PATIENCE_SECONDS = 10.0
_BACKLOG = 128
_MODEST_SECONDS = 0.002
"""How long a process leaves a connection to one that has less to do."""
_HANDSHAKE_SECONDS = 10.0
_MOST_CONNECTIONS = 1000
"""Of one process, silent ones included; more are closed at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timeouts:
    """How long a caller may be silent, in seconds."""

    acse: float = 30.0
    """Between connecting, asking for the association and closing the connection (ARTIM timer, PS3.8 Section 9.1.5)."""
    dimse: float = 60.0
    """Within a message: until the rest of a PDU, and until the next one."""
    idle: float = 60.0
    """Between two messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listener:
    """Where the node listens and whom it hears."""

    host: str
    port: int
    """0: any free port."""
    access: Access
    timeouts: Timeouts = field(default_factory=Timeouts)
    tls: TlsFiles | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sockets:
    """What the processes of the node accept from."""

    plain: socket.socket
    secure: socket.socket | None = None
    context: ssl.SSLContext | None = None

    def close(self) -> None:
        """Listen no more."""
        self.plain.close()
        if self.secure is not None:
            self.secure.close()


def listen(listener: Listener) -> Sockets:
    """Return listening sockets that several processes may accept from.

    Raises:
        Misconfigured: an address can't be listened on, or a file for TLS can't be used.
    """
    context = None if listener.tls is None else tls_context(listener.tls)
    plain = _listen(listener.host, listener.port, "node.port")
    if listener.tls is None:
        return Sockets(plain=plain)
    return Sockets(plain=plain, secure=_listen(listener.host, listener.tls.port, "node.tls_port"), context=context)


def _listen(host: str, port: int, setting: str) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        own = socket.socket(family, socket.SOCK_STREAM)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.bind(address)
        own.listen(_BACKLOG)
        own.settimeout(0)
    except OSError as error:
        raise Misconfigured(
            f"can't listen on {host}:{port}: {error.strerror}; "
            f"choose another node.host or {setting}, or stop what uses it"
        ) from error
    return own


class Node:
    """A running SCP of Verification, Storage for CR and DX, Storage Commitment, and Unified Procedure Step Pull.

    It is one of the processes behind one listening socket.

    It answers before the database is found, so that a modality's C-ECHO is answered soon after the start. A film that
    comes before `open_storage` waits for a moment and is then refused as out of resources: its sender tries again.
    """

    def __init__(
        self,
        listener: Listener,
        sockets: Sockets,
        workload: Workload,
        meters: Meters = NO_METERS,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self._access = listener.access
        self._sockets = sockets
        self._workload = workload
        self._meters = meters
        self._tracer = tracer
        self._storage: Storage | None = None
        self._desk: CommitmentDesk | None = None
        self._answers: AnswerDesk | None = None
        self._worklist: ReadingWorklist | None = None
        self._is_open = threading.Event()
        self._is_stopping = threading.Event()
        self._ae = _application_entity(listener)
        self._associations: set[ReceivingAssociation] = set()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Accept connections; senders are served by threads from now on."""
        for status in StoreStatus:  # so that the first one of a kind is seen as a change
            self._meters.add(FILMS, 0, status=status.name)
        self._thread = threading.Thread(target=self._accept, name="accept", daemon=True)
        self._thread.start()

    def open_storage(
        self, storage: Storage, desk: CommitmentDesk, answers: AnswerDesk, worklist: ReadingWorklist
    ) -> None:
        """Begin to take films, requests to commit them, answers to our own requests, and those who read."""
        self._desk, self._answers, self._worklist = desk, answers, worklist
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

    def takes_from(self, calling: str) -> bool:
        """Whether a caller's films are taken."""
        return self._access.may_send(calling)

    def begin(self, command: Command, transfer_syntax_uid: str, door: _Door) -> Arrival:
        """Prepare for an instance."""
        return Turnstile(self._arrival(command, transfer_syntax_uid, door), self._meters, self._tracer)

    def _arrival(self, command: Command, transfer_syntax_uid: str, door: _Door) -> StorageArrival | Turned:
        if not door.may_send:
            self._tell("instance-refused", calling=door.calling, status=StoreStatus.NOT_AUTHORISED.name)
            return Turned(StoreStatus.NOT_AUTHORISED)
        self._is_open.wait(_OPENING_PATIENCE_SECONDS)
        if self._storage is None:
            return Turned(StoreStatus.OUT_OF_RESOURCES)
        return StorageArrival(self._storage, command, transfer_syntax_uid, door.calling, door.studies)

    def _accept(self) -> None:
        listening = {own.fileno(): own for own in (self._sockets.plain, self._sockets.secure) if own is not None}
        poll = select.poll()
        for descriptor in listening:
            poll.register(descriptor, select.POLLIN)
        while not self._is_stopping.is_set():
            ready = poll.poll(250)
            if self._is_open.is_set():
                self._workload.turn()
            if ready and self._workload.is_above_least():
                self._is_stopping.wait(_MODEST_SECONDS)
            for descriptor, _ in ready:
                self._accept_from(listening[descriptor])

    def _accept_from(self, own: socket.socket) -> None:
        try:
            connection, address = own.accept()
        except BlockingIOError:  # another process took it
            return
        except OSError:  # the peer went away, or descriptors ran out
            self._is_stopping.wait(_MODEST_SECONDS)
            return
        if self._workload.own_connections() >= _MOST_CONNECTIONS:
            connection.close()
            return
        is_secure = own is self._sockets.secure
        threading.Thread(target=self._serve, args=(connection, address, is_secure), daemon=True).start()

    def _serve(self, connection: socket.socket, address: Any, is_secure: bool) -> None:  # noqa: ANN401, FBT001
        with self._workload.one_connection(), ExitStack() as counted:
            if is_secure:
                try:
                    connection = self._secured(connection)
                except OSError as error:
                    connection.close()
                    self._tell("tls-handshake-failed", error=type(error).__name__)
                    return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            association = self._association(connection, address, counted)
            self._associations.add(association)
            door = _Door(self, association)
            try:
                association.serve(connection, door)
            finally:
                self._associations.discard(association)
            if association.is_released:
                self._complete(door)

    def _complete(self, door: _Door) -> None:
        """Say that the studies of a released association are complete, where its caller means it so."""
        if self._storage is None or not door.studies or not self._access.association_ends_study(door.calling):
            return
        try:
            self._storage.intake.complete(sorted(door.studies))
        except Transient as error:  # they are complete when they have been quiet
            self._storage.events.warning("studies-not-completed", calling=door.calling, error=type(error).__name__)

    def _secured(self, connection: socket.socket) -> socket.socket:
        """Shake hands in the connection's own thread, and not for ever: who is silent delays nobody."""
        assert self._sockets.context is not None  # noqa: S101 - there is no secure socket without it
        connection.settimeout(_HANDSHAKE_SECONDS)
        return self._sockets.context.wrap_socket(connection, server_side=True)

    def _association(
        self,
        connection: socket.socket,
        address: Any,  # noqa: ANN401 - by address family
        counted: ExitStack,
    ) -> ReceivingAssociation:
        association = ReceivingAssociation(self._ae)
        association.acceptor.maximum_length = MAXIMUM_PDU_BYTES
        association.acceptor.ae_title = self._access.ae_title
        association.acceptor.address_info = AddressInformation.from_tuple(connection.getsockname())
        association.acceptor.implementation_class_uid = self._ae.implementation_class_uid
        association.acceptor.implementation_version_name = self._ae.implementation_version_name
        association.acceptor.supported_contexts = offered()
        association.requestor.address_info = AddressInformation.from_tuple(address)
        association.bind(evt.EVT_REQUESTED, self._on_requested, [counted])
        association.bind(evt.EVT_C_ECHO, self._on_echo)
        association.bind(evt.EVT_N_ACTION, self._on_action)
        association.bind(evt.EVT_N_EVENT_REPORT, self._on_report)
        association.bind(evt.EVT_C_FIND, self._on_find)
        association.bind(evt.EVT_N_GET, self._on_step, [worklist_service.get])
        association.bind(evt.EVT_N_SET, self._on_step, [worklist_service.change])
        return association

    def _on_requested(self, event: Event, counted: ExitStack) -> None:
        association: Any = event.assoc
        request = association.requestor.primitive
        calling = str(request.calling_ae_title).strip()
        rejection = self._access.rejection(
            calling, str(request.called_ae_title).strip(), association.requestor.address
        ) or self._limited(calling, counted)
        if rejection is not None:
            self._tell("association-rejected", calling=calling, reason=rejection.name)
            self._meters.add(ASSOCIATIONS, outcome=rejection.name)
            association.reject(*rejection.value)
            return
        self._meters.add(ASSOCIATIONS, outcome="taken")
        if self._storage is not None:
            self._storage.events.debug("association-taken", calling=calling)
        if self._access.may_read(calling):
            association.acceptor.supported_contexts = offered(worklist=True)

    def _on_echo(self, _: Event) -> int:
        self._meters.add(ECHOES)
        return StoreStatus.SUCCESS

    def _on_find(self, event: Event) -> Iterator[tuple[int, Dataset | None]]:
        self._is_open.wait(_OPENING_PATIENCE_SECONDS)
        if self._storage is None or self._worklist is None:
            yield worklist_service.FindStatus.OUT_OF_RESOURCES, None
        else:
            yield from worklist_service.find(event, self._worklist, self._storage.events)

    def _on_step(self, event: Event, serve: StepService) -> tuple[int, Dataset | None]:
        self._is_open.wait(_OPENING_PATIENCE_SECONDS)
        if self._storage is None or self._worklist is None:
            return StepStatus.RESOURCE_LIMITATION, None
        return serve(event, self._worklist, self._storage.events)

    def _on_action(self, event: Event) -> tuple[int, Dataset | None]:
        if event.context.abstract_syntax in WORKLIST:
            return self._on_step(event, worklist_service.act)
        self._is_open.wait(_OPENING_PATIENCE_SECONDS)
        if self._storage is None or self._desk is None:
            return ActionStatus.RESOURCE_LIMITATION, None
        calling = str(event.assoc.requestor.ae_title).strip()
        return int(take_request(event, calling, self._desk, self._storage.events)), None

    def _on_report(self, event: Event) -> tuple[int, None]:
        self._is_open.wait(_OPENING_PATIENCE_SECONDS)
        if self._storage is None or self._answers is None:
            return EventStatus.RESOURCE_LIMITATION, None
        peer = self._access.asked.get(str(event.assoc.requestor.ae_title).strip())
        return int(take_answer(event, peer, self._answers, self._storage.events)), None

    def _limited(self, calling: str, counted: ExitStack) -> Rejection | None:
        caller = self._access.caller(calling)
        counted.enter_context(self._workload.one_association(caller))
        if self._workload.associations() > self._access.maximum_associations or self._workload.associations(
            caller
        ) > self._access.limit_of(caller):
            return Rejection.LOCAL_LIMIT_EXCEEDED
        return None

    def _tell(self, event: str, **fields: str) -> None:
        if self._storage is not None:
            self._storage.events.warning(event, **fields)


class _Door:
    """The node as one association sees it; implements `dicom_node.messages.Store`."""

    def __init__(self, node: Node, association: ReceivingAssociation) -> None:
        self._node = node
        self._association = association
        self.studies: set[StudyId] = set()
        """Those whose films have changed."""

    @cached_property
    def calling(self) -> str:
        """The caller's AE title, without the spaces around it; known since the association was asked for."""
        return str(self._association.requestor.ae_title).strip()

    @cached_property
    def may_send(self) -> bool:
        """Whether the caller's films are taken."""
        return self._node.takes_from(self.calling)

    def begin(self, command: Command, transfer_syntax_uid: str) -> Arrival:
        """Prepare for an instance."""
        return self._node.begin(command, transfer_syntax_uid, self)


def _application_entity(listener: Listener) -> AE:
    ae = AE(ae_title=listener.access.ae_title)
    ae.maximum_pdu_size = MAXIMUM_PDU_BYTES
    ae.maximum_associations = 1_000_000  # the node counts those of all processes
    ae.acse_timeout = listener.timeouts.acse
    ae.dimse_timeout = listener.timeouts.dimse
    ae.network_timeout = listener.timeouts.idle
    return ae
