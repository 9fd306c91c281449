"""Takes messages by MLLP (HL7 v2.5.1 Appendix C; MLLP R1), any number on a connection, one after the other."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING, Final

from domain.errors import Misconfigured
from ris.mllp import END, START
from ris.report_desk import too_long

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from worker.events import Events

Network = IPv4Network | IPv6Network
LONGEST_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""Reports come with documents in them."""
MOST_CONNECTIONS: Final = 32
_LOOK_SECONDS: Final = 0.25
"""How soon a thread that waits for its sender notices that it should end."""
_STOP_PATIENCE_SECONDS: Final = 15.0
_PIECE_BYTES: Final = 65536


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerTls:
    """What a listener over TLS needs, each a PEM file."""

    certificate: Path
    """Our certificate, with those of the authorities between it and the root behind it."""
    key: Path
    client_authorities: Path | None = None
    """Of those whose clients may call; None: no client needs a certificate."""

    def context(self) -> ssl.SSLContext:
        """Return what speaks TLS 1.2 or newer (PS3.15 B.9).

        Raises:
            Misconfigured: a file can't be used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
            if self.client_authorities is not None:
                context.load_verify_locations(self.client_authorities)
                context.verify_mode = ssl.CERT_REQUIRED
        except OSError as error:  # of which ssl.SSLError is one
            raise Misconfigured(f"a file for TLS of final_reports can't be used: {error.strerror}") from error
        return context


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """Where messages are taken, and from whom."""

    host: str
    port: int
    """0: any that is free."""
    networks: Sequence[Network] = ()
    """Where senders may call from; empty: from anywhere."""
    tls: ServerTls | None = None
    timeout_s: float = 30.0
    """The longest silence within a message."""
    idle_timeout_s: float = 3600.0
    """The longest silence between two messages."""
    longest_bytes: int = LONGEST_MESSAGE_BYTES

    def lets_in(self, address: str) -> bool:
        """Whether a caller from an IP address may send."""
        parsed = ip_address(address.partition("%")[0])
        seen = getattr(parsed, "ipv4_mapped", None) or parsed
        return not self.networks or any(seen in network for network in self.networks)


class Listener:
    """Listens; each connection has a thread of its own."""

    def __init__(self, door: Door, answer: Callable[[bytes], bytes], events: Events) -> None:
        """Listen at a door.

        Args:
            door: where, and for whom.
            answer: returns the acknowledgement of a message; both are without their frames.
            events: is told who is turned away.

        Raises:
            Misconfigured: the address can't be listened on, or a file for TLS can't be used.
        """
        self._door = door
        self._answer = answer
        self._events = events
        self._context = None if door.tls is None else door.tls.context()
        family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
        try:
            self._socket = socket.create_server((door.host, door.port), family=family, backlog=64)
        except OSError as error:
            raise Misconfigured(f"can't listen on {door.host}:{door.port}: {error.strerror}") from error
        self._threads: set[threading.Thread] = set()
        self._ended = threading.Event()

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self._socket.getsockname()[1])

    def serve(self, stop: threading.Event, turned: Callable[[str], None]) -> None:
        """Take connections until told to stop; a message that is being answered is answered still.

        `turned` is told what we do, each time that the loop turns.
        """
        self._socket.settimeout(_LOOK_SECONDS)
        try:
            while not stop.is_set():
                turned(f"listening on port {self.port}")
                with suppress(TimeoutError, ConnectionError):
                    self._welcome(*self._accepted())
        finally:
            self._ended.set()
            self._socket.close()
            deadline = time.monotonic() + _STOP_PATIENCE_SECONDS
            for thread in list(self._threads):
                thread.join(max(deadline - time.monotonic(), 0.1))

    def _accepted(self) -> tuple[socket.socket, str]:
        connection, address = self._socket.accept()
        return connection, str(address[0])

    def _welcome(self, connection: socket.socket, address: str) -> None:
        reason = ""
        if not self._door.lets_in(address):
            reason = "the address is not one of final_reports.accepts_from"
        elif len(self._threads) >= MOST_CONNECTIONS:
            reason = "there are too many connections"
        if reason:
            self._events.warning("report-sender-refused", reason=reason)
            connection.close()
            return
        thread = threading.Thread(target=self._attend, args=(connection,), name="final-reports", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _attend(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(self._door.timeout_s)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                if self._context is None:
                    self._converse(connection)
                else:
                    with self._context.wrap_socket(connection, server_side=True) as secured:
                        self._converse(secured)
        except OSError as error:  # of which ssl.SSLError is one: the sender is gone, or does not prove who it is
            self._events.warning("report-sender-lost", error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - else Python writes its text, which may hold anything, to the log
            self._events.error("report-not-answered", error=type(error).__name__)
        finally:
            self._threads.discard(threading.current_thread())

    def _converse(self, connection: socket.socket) -> None:
        """Answer one message after the other, until the sender hangs up, is silent too long, or sends without end."""
        received = bytearray()
        while not self._ended.is_set():
            is_complete = self._receive(connection, received)
            if not is_complete:
                return
            end = received.index(END)
            start = received.find(START, 0, end)  # the first: text may hold more of them, as line breaks
            message = bytes(received[start + 1 : end])
            del received[: end + len(END)]
            self._reply(connection, self._answer(message))

    def _receive(self, connection: socket.socket, received: bytearray) -> bool:
        """Read until there is a whole message; return False where there will be none."""
        connection.settimeout(_LOOK_SECONDS)
        heard, searched = time.monotonic(), 0
        while received.find(END, searched) < 0:
            searched = max(len(received) - 1, 0)
            if len(received) > self._door.longest_bytes:
                self._events.warning("report-refused", reason="the message is too long")
                self._reply(connection, too_long())
                return False
            try:
                piece = connection.recv(_PIECE_BYTES)
            except TimeoutError:
                patience = self._door.timeout_s if received.strip() else self._door.idle_timeout_s
                if self._ended.is_set() or time.monotonic() - heard > patience:
                    return False
                continue
            if not piece:
                return False
            heard = time.monotonic()
            received += piece
        return True

    def _reply(self, connection: socket.socket, acknowledgement: bytes) -> None:
        connection.settimeout(self._door.timeout_s)
        connection.sendall(START + acknowledgement + END)
