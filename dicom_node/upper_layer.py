"""The DICOM upper layer for a receiver (PS3.8), event-driven: pynetdicom's state machine without its polling.

pynetdicom negotiates, releases and aborts here as ever. Three things differ while films arrive. Its threads wait for
something to happen where the originals look every millisecond. A PDU is read into one buffer that is used again, never
larger than what was agreed. And in the state of data transfer (Sta6, PS3.8 Section 9.2.1) the fragments of a C-STORE
request go straight to whoever stores them; every other message takes pynetdicom's way.
"""

from __future__ import annotations

import os
import queue
import select
import socket
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider

from dicom_node.connection import CLOSED, Connection
from dicom_node.messages import COMMAND, LAST, Messages

if TYPE_CHECKING:
    from pynetdicom import AE
    from pynetdicom.pdu_primitives import P_DATA
    from pynetdicom.presentation import PresentationContext

    from dicom_node.messages import Store

MAXIMUM_PDU_BYTES: Final = 256 * 1024
"""Longest P-DATA-TF PDU that we offer to take (PS3.8 Section D.1)."""
_LONGEST_OTHER_PDU = 256 * 1024
"""128 presentation contexts with every transfer syntax there is stay well below."""

_PATIENCE_WITH_CLOSING_SECONDS = 1.0
"""The peer closes the connection after the end of the association; one that does not is not waited for."""

_P_DATA_TF = 0x04
_KNOWN_PDU_TYPES = range(0x01, 0x08)
_INVALID = "Evt19"
_TRANSFER = "Sta6"
_AWAITING_CLOSE = "Sta13"


class EventDrivenProvider(DULServiceProvider):
    """pynetdicom's upper layer service provider; it sleeps until the peer or our own side has something."""

    def __init__(self, association: ReceivingAssociation, store: Store) -> None:
        super().__init__(association)
        self.daemon = True
        self.messages = Messages(association, store)
        self.busy = False
        """A message is being worked on: the silence of the peer is not idleness."""
        self._receiver = association
        self._buffer = bytearray(8192)
        self._wake_up, self._alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._alarm_lock = threading.Lock()

    def wake(self) -> None:
        """End the sleep."""
        with self._alarm_lock:
            if self._alarm >= 0:
                with suppress(BlockingIOError):
                    os.write(self._alarm, b"!")

    def send_pdu(self, primitive: Any) -> None:  # noqa: ANN401 - any of pynetdicom's primitives
        """Put a primitive in the queue and wake up."""
        super().send_pdu(primitive)
        self.wake()

    def kill_dul(self) -> None:
        """End the thread."""
        super().kill_dul()
        self.wake()

    def stop_dul(self) -> bool:
        """End the thread if the connection is closed; say whether it was."""
        if self.state_machine.current_state != "Sta1":
            return False
        self.kill_dul()
        if threading.current_thread() is not self:
            self.join()
        return True

    def run_reactor(self) -> None:
        """Work until killed."""
        self._idle_timer.start()
        self._receiver._dul_ready.set()  # noqa: SLF001 - as the original does
        try:
            while not self._kill_thread:
                self._step()
        except Exception:  # noqa: BLE001 - whatever it is, the association ends and its sender knows
            self._give_up()
        finally:
            self.messages.abandon()
            self._close_alarm()
            self._receiver.stirred.set()

    def _step(self) -> None:
        if self._is_waiting_for_peer() and self.artim_timer.expired:
            self.event_queue.put("Evt18")
        elif not self._process_recv_primitive() and self.event_queue.empty():
            self._await_peer()
        try:
            while True:
                self.state_machine.do_action(self.event_queue.get(block=False))
                self._receiver.stirred.set()
        except queue.Empty:
            pass

    def _await_peer(self) -> None:
        connection: Any = self.socket
        if connection is None or connection.socket is None:
            self._sleep(None)
        elif self.state_machine.current_state == _AWAITING_CLOSE:
            self._sleep(connection, at_most=_PATIENCE_WITH_CLOSING_SECONDS)
            self._is_transport_event()
        elif self.messages.is_midway or connection.has_pending() or self._sleep(connection):
            self._idle_timer.restart()
            self._read_pdu_data()
            self._idle_timer.restart()

    def _sleep(self, connection: Any, at_most: float | None = None) -> bool:  # noqa: ANN401 - pynetdicom is untyped
        """Sleep until something is there or a timer is due; say whether it is the peer."""
        poll = select.poll()
        poll.register(self._wake_up, select.POLLIN)
        own = -1
        if connection is not None:
            own = connection.socket.fileno()
            poll.register(own, select.POLLIN)
        descriptors = {descriptor for descriptor, _ in poll.poll(self._milliseconds(at_most))}
        if self._wake_up in descriptors:
            os.read(self._wake_up, 4096)
        return own in descriptors

    def _is_waiting_for_peer(self) -> bool:
        """Whether the ARTIM timer runs (PS3.8 Section 9.1.5)."""
        return self.artim_timer._start_time is not None and self.artim_timer._end_time is None  # noqa: SLF001

    def _milliseconds(self, at_most: float | None) -> float | None:
        """Return how long to sleep; None: until something happens."""
        seconds = [] if at_most is None else [at_most]
        if self._is_waiting_for_peer():
            seconds.append(self.artim_timer.remaining)
        return max(min(seconds), 0.001) * 1000 if seconds else None

    def _read_pdu_data(self) -> None:
        """Read one PDU and act on it, or put the event of its failure in the queue."""
        connection: Any = self.socket
        try:
            head = memoryview(self._buffer)[:6]
            if not connection.read_into(head):
                self.event_queue.put(CLOSED)
                return
            pdu_type, length = struct.unpack(">BxI", head)
            if pdu_type not in _KNOWN_PDU_TYPES or length > _longest(pdu_type):
                self.event_queue.put(_INVALID)
                return
            body = self._body(length)
            if not connection.read_into(body):
                self.event_queue.put(CLOSED)
                return
        except OSError:
            self.event_queue.put(CLOSED)
            return
        self._act(pdu_type, body, length)

    def _body(self, length: int) -> memoryview:
        if 6 + length > len(self._buffer):
            head = bytes(self._buffer[:6])
            self._buffer = bytearray(6 + length)
            self._buffer[:6] = head
        return memoryview(self._buffer)[6 : 6 + length]

    def _act(self, pdu_type: int, body: memoryview, length: int) -> None:
        try:
            if pdu_type == _P_DATA_TF and self.state_machine.current_state == _TRANSFER:
                self.busy = True
                self.messages.take(body)
                return
            pdu, event = self._decode_pdu(bytearray(memoryview(self._buffer)[: 6 + length]))
        except Exception:  # noqa: BLE001 - foreign bytes fail in many ways; all mean the same to the state machine
            self.event_queue.put(_INVALID)
        else:
            self.event_queue.put(event)
            self._recv_pdu.put(pdu)
        finally:
            self.busy = False

    def end_now(self) -> None:
        """Close the connection whatever the state."""
        self.kill_dul()
        if self.socket is not None:
            self.socket._shutdown_socket()  # noqa: SLF001 - the original has no other

    def _give_up(self) -> None:
        """End without the state machine, which can't be trusted now."""
        self._receiver.is_aborted = True
        self._receiver.is_established = False
        self._receiver._kill = True  # noqa: SLF001 - as the original does
        self._kill_thread = True
        if self.socket is not None:
            self.socket._shutdown_socket()  # noqa: SLF001 - the same

    def _close_alarm(self) -> None:
        with self._alarm_lock:
            os.close(self._alarm)
            os.close(self._wake_up)
            self._alarm = -1


def _longest(pdu_type: int) -> int:
    return MAXIMUM_PDU_BYTES if pdu_type == _P_DATA_TF else _LONGEST_OTHER_PDU


class ReceivingAssociation(Association):
    """An association that a peer asked for."""

    dul: EventDrivenProvider

    def __init__(self, ae: AE) -> None:
        super().__init__(ae, "acceptor")
        self.stirred = threading.Event()
        """Something happened that is not the arrival of a film."""

    def serve(self, connection: socket.socket, store: Store) -> None:
        """Negotiate, take what comes, and return when the association has ended."""
        self.dul = EventDrivenProvider(self, store)
        self.dul.artim_timer.timeout = self.acse_timeout
        self.dul._idle_timer.timeout = self.network_timeout  # noqa: SLF001 - its setter was called before
        own = Connection(self, client_socket=connection)
        own.set_timeout(self.dimse_timeout)
        self.set_socket(own)
        try:
            self.run_reactor()
        finally:
            self.dul.kill_dul()
            connection.close()

    def reject(self, result: int, source: int, reason: int) -> None:
        """Refuse the association that is being asked for (PS3.8 Section 9.3.4)."""
        self.acse.send_reject(result, source, reason)
        self.is_rejected = True
        self.kill()

    def end(self) -> None:
        """Abort without waiting for the peer."""
        if self.is_established:
            self.abort(block=False)
        else:
            self.dul.end_now()

    def accepted_context(self, context_id: int) -> PresentationContext | None:
        """Return an accepted presentation context by its ID, None where there is none."""
        return self._accepted_cx.get(context_id)

    def reply(self, context_id: int, command_set: bytes) -> None:
        """Send a command set without data, at once; only the provider's thread may do so."""
        value = struct.pack(">IBB", len(command_set) + 2, context_id, COMMAND | LAST) + command_set
        connection = self.dul.socket
        if connection is not None:
            connection.send(struct.pack(">BxI", _P_DATA_TF, len(value)) + value)

    def hand_over(self, primitive: P_DATA) -> None:
        """Take a whole message that is no C-STORE request."""
        self.dimse.receive_primitive(primitive)
        self.stirred.set()

    def _run_reactor(self) -> None:
        """Serve what is no film, and notice the end: release, abort, or silence."""
        while not self._kill:
            self.stirred.wait(self._seconds_to_idle())
            self.stirred.clear()
            context_id, message = self.dimse.get_msg(block=False)
            while message and context_id is not None:
                self._serve_request(message, context_id)
                context_id, message = self.dimse.get_msg(block=False)
            if self.is_established and self.acse.is_release_requested():
                self.acse.send_release(is_response=True)
                self.is_released = True
                self.is_established = False
                self.kill()
            elif self.acse.is_aborted():
                self.dul.receive_pdu(wait=False)
                self.is_aborted = True
                self.is_established = False
                self.kill()
            elif not self.dul.is_alive():
                self.kill()
            elif self.dul.idle_timer_expired() and not (self.dul.busy or self.dul.messages.is_midway):
                self.abort()
                self.kill()

    def _seconds_to_idle(self) -> float | None:
        if self.network_timeout is None:
            return None
        return max(self.dul._idle_timer.remaining, 0.05)  # noqa: SLF001 - read only
