"""The certificates of the settings: readable, in order, still valid, with the key that belongs to each."""

from __future__ import annotations

import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from hilum.doctor.check import failure, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cryptography.x509 import Certificate

    from hilum.doctor.check import Finding
    from hilum.settings import Settings

_WARNING, _FAILURE = timedelta(days=30), timedelta(days=7)
"""A new certificate takes a hospital's IT days, not hours: in the last week it is urgent."""
_RENEW = "renew it and start Hilum again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Papers:
    """The files by which one side of a connection over TLS proves itself, and by whom it has others vouched for."""

    name: str
    """Whose they are: a table of the settings."""
    is_server: bool = False
    certificate: Path | None = None
    key: Path | None = None
    authorities: Path | None = None


def papers(settings: Settings) -> tuple[Papers, ...]:
    """Return the files that the settings name, of all that have any."""
    node, web, reports, audit = settings.node, settings.web, settings.final_reports, settings.audit
    found = [
        _own("node", node.tls_certificate, node.tls_key, node.tls_client_authorities),
        _own("web", web.tls_certificate, web.tls_key, None),
        _own("final_reports", reports.tls_certificate, reports.tls_key, reports.tls_client_authorities),
        Papers(name="audit", certificate=audit.tls_certificate, key=audit.tls_key, authorities=audit.tls_authorities),
        *(
            Papers(name=one.name, certificate=one.tls_certificate, key=one.tls_key, authorities=one.tls_authorities)
            for one in settings.ris
        ),
    ]
    return tuple(one for one in found if one.certificate or one.key or one.authorities)


def _own(name: str, certificate: Path | None, key: Path | None, authorities: Path | None) -> Papers:
    return Papers(name=name, is_server=True, certificate=certificate, key=key, authorities=authorities)


def certificates(own: Papers, now: datetime | None = None) -> Iterator[Finding]:
    """Look at the files of one connection.

    Args:
        own: the files.
        now: the time that they must hold at, in UTC; None: the clock's.
    """
    at = datetime.now(UTC) if now is None else now
    known: list[Certificate] = []
    if own.authorities is not None:
        known, trouble = _read(own.authorities)
        yield from trouble
        yield from _authorities(known, own.authorities, at)
    if own.certificate is not None:
        chain, trouble = _read(own.certificate)
        yield from trouble
        for one in chain:
            yield from _validity(one, own.certificate, at)
        if chain:
            yield from _chain(own.certificate, chain, known)
            yield from _names(own, chain[0])
            yield from _key(own.certificate, own.key)


def _read(file: Path) -> tuple[list[Certificate], list[Finding]]:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes()), []
    except OSError as error:
        return [], [failure(f"{file} can't be read: {error.strerror}", "check its path and rights, for our account")]
    except ValueError:
        return [], [failure(f"{file} holds no certificate in PEM", "openssl x509 -in FILE -inform DER -out FILE.pem")]


def _authorities(known: Sequence[Certificate], file: Path, at: datetime) -> Iterator[Finding]:
    """Judge authorities; one that has expired harms nobody where another of them holds."""
    hold = [one for one in known if one.not_valid_before_utc <= at <= one.not_valid_after_utc]
    for one in known:
        if hold and at > one.not_valid_after_utc:
            ended = f"{one.not_valid_after_utc:%Y-%m-%d}"
            yield warning(
                f"{file}: {_called(one)} has expired on {ended}", f"if it is used no more, take it out of {file}"
            )
        else:
            yield from _validity(one, file, at)


def _validity(certificate: Certificate, file: Path, at: datetime) -> Iterator[Finding]:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    told = f"{file}: {_called(certificate)}"
    if at > ends:
        yield failure(f"{told} has expired at {ends:%Y-%m-%d %H:%M} UTC: whoever checks it refuses us", _RENEW)
    elif at < begins:
        yield failure(f"{told} holds from {begins:%Y-%m-%d %H:%M} UTC only", "check this machine's clock, or wait")
    elif ends - at < _FAILURE:
        yield failure(f"{told} expires at {ends:%Y-%m-%d %H:%M} UTC, in less than {_FAILURE.days} days", _RENEW)
    elif ends - at < _WARNING:
        yield warning(f"{told} expires on {ends:%Y-%m-%d}, in {(ends - at).days} days", _RENEW)
    else:
        yield ok(f"{told} holds until {ends:%Y-%m-%d}")


def _called(certificate: Certificate) -> str:
    return certificate.subject.rfc4514_string() or "a certificate without a name"


def _chain(file: Path, chain: Sequence[Certificate], known: Sequence[Certificate]) -> Iterator[Finding]:
    """Look whether each certificate is vouched for by the next; a hospital's own root need not be known here."""
    for below, above in pairwise(chain):
        if not _vouches(above, below):
            how = "put our certificate first, below it each authority that vouches for the one before"
            yield failure(f"{file}: {_called(above)} does not vouch for {_called(below)} before it", how)
            return
    top = chain[-1]
    if top.issuer != top.subject and not any(_vouches(one, top) for one in (*known, *_system_authorities(top.issuer))):
        name = top.issuer.rfc4514_string()
        how = (
            f"openssl verify on a machine that knows the root; if {name} is not the root, add its certificate to {file}"
        )
        yield ok(f"{file}: this machine does not know {name}, and can't say whether the chain is whole", how)


def _vouches(above: Certificate, below: Certificate) -> bool:
    try:
        below.verify_directly_issued_by(above)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _system_authorities(name: x509.Name) -> Iterator[Certificate]:
    """Yield those of the operating system's authorities in which a name stands."""
    for one in ssl.create_default_context().get_ca_certs(binary_form=True):
        if name.public_bytes() in one:
            yield x509.load_der_x509_certificate(one)


def _names(own: Papers, certificate: Certificate) -> Iterator[Finding]:
    """A server without a subject alternative name is refused by nearly everybody (RFC 9525 Section 2)."""
    try:
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        if own.is_server:
            yield warning(
                f"{own.certificate} names no host (subject alternative name)", "have it made for our host name"
            )


def _key(certificate: Path, key: Path | None) -> Iterator[Finding]:
    if key is None:
        yield failure(f"{certificate} has no key", "set tls_key beside tls_certificate")
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password=lambda: b"")  # nobody is there to be asked for one
        mode = stat.S_IMODE(key.stat().st_mode)
    except ssl.SSLError as error:
        why = (error.reason or "it is no key, or has a password").replace("_", " ").lower()
        yield failure(
            f"{key} can't be used with {certificate}: {why}", "give the key of this certificate, not encrypted"
        )
        return
    except OSError as error:
        yield failure(f"{key} can't be read: {error.strerror}", "check its path and rights, for our account")
        return
    if mode & stat.S_IROTH:
        yield failure(f"everybody on this machine may read {key}", f"chmod o-rwx {key}")
    elif mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield failure(f"others may write {key}", f"chmod go-w {key}")
    else:
        yield ok(f"{key} is the key to {certificate}")
