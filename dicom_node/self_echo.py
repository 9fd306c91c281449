"""Whether our own node answers: a C-ECHO to ourselves, through the port that modalities use (PS3.4 Annex A)."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import TYPE_CHECKING

from pynetdicom import AE
from pynetdicom.presentation import build_context

from dicom_node.access import Caller
from dicom_node.contexts import VERIFICATION
from dicom_node.requestor import status_of
from domain.errors import Transient

if TYPE_CHECKING:
    from dicom_node.access import TlsFiles
    from dicom_node.receiver import Listener, Sockets


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnDoor:
    """One of the node's ports, as a caller on this machine sees it."""

    host: str
    port: int
    ae_title: str
    tls: TlsFiles | None = None


def doors(listener: Listener, sockets: Sockets) -> tuple[OwnDoor, ...]:
    """Return the ports that the node listens on."""
    title = listener.access.ae_title
    plain = OwnDoor(host=_near(sockets.plain), port=sockets.plain.getsockname()[1], ae_title=title)
    if sockets.secure is None:
        return (plain,)
    secure = OwnDoor(host=_near(sockets.secure), port=sockets.secure.getsockname()[1], ae_title=title, tls=listener.tls)
    return (plain, secure)


def with_ourselves(listener: Listener, sockets: Sockets) -> Listener:
    """Let ourselves call, from this machine and for C-ECHO only, where not everybody may call."""
    access = listener.access
    if not access.callers or access.caller(access.ae_title.strip()) < len(access.callers):
        return listener
    here = Caller(ae_title=access.ae_title, networks=(ip_network(_near(sockets.plain)),), may_send=False)
    return replace(listener, access=replace(access, callers=(*access.callers, here)))


def is_answered(door: OwnDoor, *, timeout_s: float) -> bool:
    """C-ECHO ourselves through a port; say whether there was an answer that only a living node gives.

    That it has too many callers just now is one; and that our own certificate is none that a client may call with.
    """
    entity = AE(ae_title=door.ae_title)
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = timeout_s
    tls = None if door.tls is None else (_client_context(door.tls), door.host)
    association = entity.associate(
        door.host, door.port, [build_context(VERIFICATION)], ae_title=door.ae_title, tls_args=tls
    )
    if association.is_rejected:
        return True
    if not association.is_established:
        return door.tls is not None and _is_turned_away(door, door.tls, timeout_s)
    try:
        return status_of(association.send_c_echo()) == 0
    except Transient:
        return False
    finally:
        association.release()


def _near(own: socket.socket) -> str:
    host = str(own.getsockname()[0])
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - where it listens


def _client_context(files: TlsFiles) -> ssl.SSLContext:
    """Return what calls with our own certificate, and takes any: it is ourselves that we call.

    The node has its files in memory. Where others have taken their places that can't be used we call without: the node
    answers, if only that it wants one.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with suppress(OSError):  # of which errors of TLS are
        context.load_cert_chain(files.certificate, files.key)
    return context


def _is_turned_away(door: OwnDoor, files: TlsFiles, timeout_s: float) -> bool:
    """Whether the handshake is refused in due form; TLS 1.2 says so before the client thinks that it is through."""
    context = _client_context(files)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        with socket.create_connection((door.host, door.port), timeout_s) as connection, context.wrap_socket(connection):
            return False
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")
    except OSError:
        return False
