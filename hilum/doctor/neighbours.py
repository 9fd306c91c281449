"""Those around Hilum: peers, information systems, identity provider, audit repository, whoever hears alarms."""

from __future__ import annotations

import smtplib
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from domain.errors import HilumError
from hilum import peers
from hilum.doctor.check import failure, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.doctor.check import Finding
    from hilum.settings import Settings

PATIENCE_S = 5.0
"""For each answer."""


def peer(settings: Settings, name: str) -> Iterator[Finding]:
    """Try with a peer everything that Hilum would want of it; one that only sends need not listen."""
    is_told = name in settings.told or any(one.name == name and one.commits_results for one in settings.peers)
    for check in peers.checks(settings, name, timeout_s=PATIENCE_S):
        if check.is_good:
            yield ok(f"{check.what}: {check.says}")
        elif is_told:
            yield failure(f"{check.what}: {check.says}", f"what is for it waits; once it is mended: {_again(name)}")
        else:
            yield warning(f"{check.what}: {check.says}", f"it sends only, and may not listen; else: {_again(name)}")


def _again(name: str) -> str:
    return f"hilum peers test {name}"


def identity_provider(settings: Settings) -> Iterator[Finding]:
    """Ask the identity provider what it says of itself."""
    from hilum.web_process import provider
    from web.pages.single_sign_on import SingleSignOn

    own = provider(settings)
    if own is not None:
        try:
            SingleSignOn(provider=own).configuration()
        except HilumError as error:
            how = f"curl {own.issuer.rstrip('/')}/.well-known/openid-configuration; the same issuer must be in it"
            yield failure(f"{own.issuer}: {error}", how)
        else:
            yield ok(f"{own.issuer} says where to log in")


def audit_repository(settings: Settings) -> Iterator[Finding]:
    """Connect to the audit repository; nothing is sent."""
    from dicom_node.syslog import send
    from hilum.duties import audit_repository_of

    place = f"{settings.audit.syslog_host}:{settings.audit.syslog_port}"
    try:
        send((), audit_repository_of(settings), source="HILUM")
    except HilumError as error:
        yield failure(f"{place}: {error}", "check audit.syslog_host, its port and audit.tls_authorities; records wait")
    else:
        yield ok(f"{place} proves its name by TLS")


def webhook(settings: Settings) -> Iterator[Finding]:
    """Connect to the host of the alarm's webhook; nothing is sent, and the address, which may hold a key, not shown."""
    hidden = settings.alarm.webhook
    if hidden is None:
        return
    parts = urlsplit(hidden.get_secret_value())
    host = parts.hostname or ""
    number = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((host, number), PATIENCE_S) as plain:
            if parts.scheme == "https":
                with ssl.create_default_context().wrap_socket(plain, server_hostname=host):
                    pass
    except OSError as error:
        yield failure(f"{host}:{number}: {reason(error)}", "check alarm.webhook, and the way there (firewall, proxy)")
    else:
        yield ok(f"{host}:{number} can be reached")


def mail_server(settings: Settings) -> Iterator[Finding]:
    """Greet the mail server, by TLS where it is set; nothing is sent."""
    own = settings.alarm
    place = f"{own.smtp_host}:{own.smtp_port}"
    try:
        with smtplib.SMTP(own.smtp_host, own.smtp_port, timeout=PATIENCE_S) as server:
            if own.smtp_starttls:
                server.starttls(context=ssl.create_default_context())
            server.noop()
    except (OSError, smtplib.SMTPException) as error:
        yield failure(f"{place}: {reason(error)}", "check alarm.smtp_host, alarm.smtp_port and alarm.smtp_starttls")
    else:
        yield ok(f"{place} answers")


def reason(error: Exception) -> str:
    """Say in words why there is no connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (isinstance(error, OSError) and error.strerror) or type(error).__name__
