"""The Minimal Lower Layer Protocol: a message over TCP, and its acknowledgement (HL7 v2.5.1 Appendix C; MLLP R1)."""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.errors import Away, Misconfigured, Transient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START: Final = b"\x0b"
END: Final = b"\x1c\r"
_LONGEST_REPLY_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsFiles:
    """What a connection over TLS needs, each a PEM file; None where it is not needed."""

    authorities: Path | None = None
    """Of the peer's certificate; None: those that the operating system trusts."""
    certificate: Path | None = None
    """Our own, for peers that ask for one."""
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return what connections are secured with: TLS 1.2 or newer (PS3.15 B.9), and a peer that proves its name.

        Raises:
            Misconfigured: a file can't be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.authorities)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # of which ssl.SSLError is one
            raise Misconfigured(f"a file for TLS to a RIS can't be used: {error.strerror}") from error
        return context


@dataclass(frozen=True, kw_only=True, slots=True)
class MllpAddress:
    """Where a peer takes messages."""

    host: str
    port: int
    tls: TlsFiles | None = None
    timeout_s: float = 30.0
    """For the connection, and again for the whole of an answer."""


def exchange(address: MllpAddress, message: bytes) -> bytes:
    """Send a message and return what the peer answered, without its frame.

    Args:
        address: where to.
        message: segments, each ended by a carriage return.

    Raises:
        Away: nobody is there.
        Transient: the peer does not prove who it is, or it does not answer in time.
        Misconfigured: a file for TLS can't be used.
    """
    with connect(address) as connection:
        connection.sendall(START + message + END)
        return _reply(connection, time.monotonic() + address.timeout_s)


@contextmanager
def connect(address: MllpAddress) -> Iterator[socket.socket]:
    """Connect for a block, by TLS where the address says so.

    Raises:
        Away: nobody is there.
        Transient: the peer does not prove who it is, or the block fails by the network.
        Misconfigured: a file for TLS can't be used.
    """
    context = None if address.tls is None else address.tls.context()
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(_connected(address))
            if context is not None:
                connection = opened.enter_context(context.wrap_socket(connection, server_hostname=address.host))
            yield connection
        except ssl.SSLCertVerificationError as error:
            raise Transient(f"no connection by TLS, its certificate is refused: {error.verify_message}") from error
        except ssl.SSLError as error:
            raise Transient(f"no connection by TLS: {error.reason or type(error).__name__}") from error
        except TimeoutError as error:
            raise Transient("the peer did not answer in time") from error
        except OSError as error:
            raise Transient("the peer broke off the connection") from error


def _connected(address: MllpAddress) -> socket.socket:
    try:
        return socket.create_connection((address.host, address.port), address.timeout_s)
    except OSError as error:
        raise Away("the peer can't be reached") from error


def _reply(connection: socket.socket, until: float) -> bytes:
    received = b""
    while not received.endswith(END):
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        piece = connection.recv(65536)
        if not piece:
            raise Transient("the peer closed the connection without an acknowledgement")
        received += piece
        if len(received) > _LONGEST_REPLY_BYTES:
            raise Transient("the peer's answer is no acknowledgement: it does not end")
    start = received.rfind(START)
    return received[start + 1 : -len(END)]
