"""Audit messages on their way to a repository: syslog over TLS (RFC 5424, RFC 5425; PS3.15 Section A.6)."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Final

from dicom_node.audit_message import audit_message
from domain.errors import Misconfigured, Transient

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from domain.audit import AuditRecord

_PRIORITY: Final = 10 * 8 + 5
"""Facility security/authorization, severity notice."""
_MESSAGE_ID: Final = "DICOM+RFC3881"
"""MSGID of DICOM audit messages (PS3.15 A.6.1)."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditRepository:
    """Where audit messages are sent."""

    host: str
    port: int
    authorities: Path | None = None
    """Of its certificate; None: those that the operating system trusts."""
    certificate: Path | None = None
    """Ours, where it asks for one."""
    key: Path | None = None
    timeout_s: float = 10.0


def send(records: Iterable[AuditRecord], repository: AuditRepository, *, source: str) -> int:
    """Send records, in order; return the number of the last one that was handed to the connection, 0 for none.

    Syslog has no acknowledgement: what a connection took and lost is not known, so that a record may be missing there.
    It is in the trail.

    Raises:
        Transient: the repository can't be reached, or does not prove who it is.
        Misconfigured: a file for TLS can't be used.
    """
    last = 0
    context = _context(repository)
    try:
        with (
            socket.create_connection((repository.host, repository.port), repository.timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=repository.host) as connection,
        ):
            for record in records:
                connection.sendall(framed(record, source=source))
                last = record.id
            with suppress(OSError):  # it need not say goodbye; but it has read what was before
                connection.unwrap()
    except ssl.SSLCertVerificationError as error:
        raise Transient(f"the audit repository's certificate is refused: {error.verify_message}") from error
    except OSError as error:  # of which ssl.SSLError and TimeoutError are two
        raise Transient(f"the audit repository can't be reached ({type(error).__name__})") from error
    return last


def framed(record: AuditRecord, *, source: str) -> bytes:
    """Return a record as a syslog message with its length before it (RFC 5425 Section 4.3)."""
    at = record.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = f"<{_PRIORITY}>1 {at} {socket.gethostname()} {source} {os.getpid()} {_MESSAGE_ID} - "
    message = head.encode("ascii", "replace") + _BYTE_ORDER_MARK + audit_message(record, source=source)
    return f"{len(message)} ".encode() + message


def _context(repository: AuditRepository) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=repository.authorities)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if repository.certificate is not None:
            context.load_cert_chain(repository.certificate, repository.key)
    except OSError as error:
        raise Misconfigured(f"a file for TLS to the audit repository can't be used: {error.strerror}") from error
    return context
