"""Who may open an association, and how many at once (PS3.8 Section 9.3.4)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from domain.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Network = IPv4Network | IPv6Network
TLS_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM"
"""Of TLS 1.2, as OpenSSL names them; TLS 1.3 has its own."""
TLS_LEAST = ssl.TLSVersion.TLSv1_2


class Rejection(Enum):
    """Why an association is rejected: result, source and reason of the A-ASSOCIATE-RJ."""

    CALLING_AE_TITLE_NOT_RECOGNISED = (0x01, 0x01, 0x03)
    CALLED_AE_TITLE_NOT_RECOGNISED = (0x01, 0x01, 0x07)
    LOCAL_LIMIT_EXCEEDED = (0x02, 0x03, 0x02)

    @property
    def meaning(self) -> str:
        """When it is given, for people."""
        return _MEANINGS[self]


_MEANINGS = {
    Rejection.CALLING_AE_TITLE_NOT_RECOGNISED: "The settings name peers, and none with this AE title may call from "
    "this address.",
    Rejection.CALLED_AE_TITLE_NOT_RECOGNISED: "`node.check_called_ae_title` is true, and another AE title than ours "
    "is called.",
    Rejection.LOCAL_LIMIT_EXCEEDED: "There are `node.maximum_associations` already, or as many as the peer may have.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """A peer that may open associations."""

    ae_title: str
    networks: Sequence[Network] = ()
    """Where it may call from; empty: from anywhere."""
    maximum_associations: int = 0
    """0: no limit of its own."""
    may_send: bool = True
    """Without it a caller may ask whether we are there, and no more."""
    association_ends_study: bool = False
    """Its studies are complete when it releases the association that brought them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsFiles:
    """What a TLS listener needs, each a PEM file."""

    port: int
    certificate: Path
    """Our certificate, with those of the authorities between it and the root behind it."""
    key: Path
    client_authorities: Path | None
    """Certificates of the authorities whose clients may call; None: no client needs a certificate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """The rules of the listener."""

    ae_title: str
    requires_called_ae_title: bool = False
    callers: Sequence[Caller] = field(default=())
    """Empty: anybody may call."""
    maximum_associations: int
    asked: Mapping[str, str] = field(default_factory=dict)
    """Names of the peers that are asked whether they keep what they accepted, by AE title."""
    readers: frozenset[str] = frozenset()
    """AE titles of those who may see the reading worklist, and work on it."""

    def caller(self, calling: str) -> int:
        """Return the place of a calling AE title among the callers, behind the last where it is none."""
        titles = [caller.ae_title.strip() for caller in self.callers]
        return titles.index(calling) if calling in titles else len(titles)

    def rejection(self, calling: str, called: str, address: str) -> Rejection | None:
        """Say why a request is rejected whatever else is going on; None where it is not.

        Args:
            calling: the AE title of the caller, without the spaces around it.
            called: the AE title it asks for, likewise.
            address: the caller's IP address.
        """
        if self.callers:
            place = self.caller(calling)
            if place == len(self.callers) or not _is_from(address, self.callers[place].networks):
                return Rejection.CALLING_AE_TITLE_NOT_RECOGNISED
        if self.requires_called_ae_title and called != self.ae_title.strip():
            return Rejection.CALLED_AE_TITLE_NOT_RECOGNISED
        return None

    def may_send(self, calling: str) -> bool:
        """Whether a caller's films are taken."""
        place = self.caller(calling)
        return not self.callers or (place < len(self.callers) and self.callers[place].may_send)

    def may_read(self, calling: str) -> bool:
        """Whether a caller may see the reading worklist, which shows patients' data: only who is named may."""
        return calling in self.readers

    def association_ends_study(self, calling: str) -> bool:
        """Whether a caller's studies are complete at the end of their association."""
        place = self.caller(calling)
        return place < len(self.callers) and self.callers[place].association_ends_study

    def limit_of(self, caller: int) -> int:
        """Return how many associations a caller may have at once."""
        own = self.callers[caller].maximum_associations if caller < len(self.callers) else 0
        return min(own, self.maximum_associations) if own else self.maximum_associations


def _is_from(address: str, networks: Sequence[Network]) -> bool:
    if not networks:
        return True
    parsed = ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return any((mapped or parsed) in network for network in networks)


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Return what speaks TLS 1.2 or newer as BCP 195 recommends (PS3.15 Section B.9).

    Raises:
        Misconfigured: a file is missing or no certificate or key, or the key is of another certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = TLS_LEAST
    context.set_ciphers(TLS_CIPHERS)
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured(
            f"node.tls_certificate {files.certificate} and node.tls_key {files.key} can't be used: "
            f"{error.strerror or error}"
        ) from error
    if files.client_authorities is not None:
        try:
            context.load_verify_locations(files.client_authorities)
        except (OSError, ssl.SSLError) as error:
            raise Misconfigured(
                f"node.tls_client_authorities {files.client_authorities} can't be used: {error.strerror or error}"
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context
