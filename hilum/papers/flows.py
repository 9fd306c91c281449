"""Which connections an installation accepts and makes, by its settings; secrets are never among them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, parse_qs, urlsplit

from hilum import routing
from hilum.metrics_settings import WORKER_PORTS
from hilum.settings import EMBEDDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hilum.settings import Settings

PATIENTS: Final = "patients' data"
UIDS: Final = "UIDs, no names of patients"
NONE: Final = "no patient's data"
_OPEN: Final = "none"
_TLS: Final = "TLS 1.2 or newer"
_PERHAPS: Final = "TLS only where the server offers it"
_LOCAL: Final = "does not leave the machine"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_HTTP_PORT, _HTTPS_PORT = 80, 443
_POSTGRESQL_PORT: Final = 5432


class FlowKind(StrEnum):
    """Kinds of connections; the threat model speaks of each."""

    FILMS = "films"
    WEB = "web"
    FINAL_REPORTS = "final-reports"
    RESULTS = "results"
    COMMITMENT = "commitment"
    QUERY = "query"
    MESSAGES = "messages"
    DATABASE = "database"
    STORE = "store"
    SINGLE_SIGN_ON = "single-sign-on"
    AUDIT = "audit"
    ALARM = "alarm"
    METRICS = "metrics"
    TRACES = "traces"


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """Something that listens, or something that is called."""

    kind: FlowKind
    comes_in: bool
    party: str
    """Who calls, or who is called."""
    place: str
    """Host and port; of us where it comes in."""
    protocol: str
    encryption: str
    authentication: str
    data: str

    @property
    def is_encrypted(self) -> bool:
        """Whether nobody on the way can read it, or there is no way."""
        return not self.encryption.startswith((_OPEN, _PERHAPS))


def connections(settings: Settings) -> tuple[Connection, ...]:
    """Return all, those that come in first."""
    come = (*_listeners(settings), *_metrics(settings))
    return (*come, *_dicom(settings), *_ris(settings), *_kept(settings), *_others(settings))


def _listeners(settings: Settings) -> Iterator[Connection]:
    yield from _node(settings)
    web, reports = settings.web, settings.final_reports
    if web.port:
        secured = "TLS by a proxy before it" if web.is_secure else _way(web.host)
        yield Connection(
            kind=FlowKind.WEB,
            comes_in=True,
            party="browsers, programs",
            place=f"{web.host}:{web.port}",
            protocol="HTTP: pages, API, DICOMweb, /metrics",
            encryption=_TLS if web.tls_certificate else secured,
            authentication="people: account or single sign-on; programs: bearer token",
            data=PATIENTS,
        )
    if reports.port:
        proof = "client certificate" if reports.tls_client_authorities else "none"
        yield Connection(
            kind=FlowKind.FINAL_REPORTS,
            comes_in=True,
            party="RIS",
            place=f"{reports.host}:{reports.port}",
            protocol="HL7 v2 by MLLP",
            encryption=_TLS if reports.tls_certificate else _way(reports.host),
            authentication=_and(proof, "addresses" if reports.accepts_from else ""),
            data=PATIENTS,
        )


def _metrics(settings: Settings) -> Iterator[Connection]:
    own = settings.metrics
    for port, others in (
        (own.node_port, 0),
        (own.worker_port, WORKER_PORTS - 1),
        (own.scheduler_port, 0),
        (own.web_port, 0),
    ):
        if port:
            yield Connection(
                kind=FlowKind.METRICS,
                comes_in=True,
                party="Prometheus",
                place=f"{own.host}:{port}{f' to {port + others}' if others else ''}",
                protocol="HTTP: /metrics",
                encryption=_way(own.host),
                authentication="none",
                data=NONE,
            )


def _node(settings: Settings) -> Iterator[Connection]:
    node = settings.node
    names = ", ".join(peer.name for peer in settings.senders) or "any modality or PACS"
    titles = "AE title" if settings.peers else "none"
    known = _and(titles, "addresses" if any(peer.sends_from for peer in settings.senders) else "")
    ports = [(node.port, _way(node.host), known)]
    if node.tls_port:
        ports.append((node.tls_port, _TLS, _and(known, "client certificate" if node.tls_client_authorities else "")))
    for port, encryption, proof in ports:
        yield Connection(
            kind=FlowKind.FILMS,
            comes_in=True,
            party=names,
            place=f"{node.host}:{port}",
            protocol="DICOM over TLS" if encryption == _TLS else "DICOM",
            encryption=encryption,
            authentication=proof,
            data=PATIENTS,
        )


def _dicom(settings: Settings) -> Iterator[Connection]:
    sent = {name for route in routing.routes(settings) for name in (route.peer, route.instead)}
    for peer in settings.peers:
        wanted = (
            (FlowKind.RESULTS, peer.name in sent, "DICOM: C-STORE of results"),
            (FlowKind.COMMITMENT, peer.may_send or peer.commits_results, "DICOM: storage commitment"),
            (FlowKind.QUERY, peer.reconciled != "no", "DICOM: query and retrieve, once a day"),
        )
        for kind, is_wanted, protocol in wanted:
            if is_wanted:
                yield Connection(
                    kind=kind,
                    comes_in=False,
                    party=peer.name,
                    place=f"{peer.host}:{peer.port}",
                    protocol=protocol,
                    encryption=_way(peer.host),
                    authentication="AE titles",
                    data=UIDS if kind is FlowKind.COMMITMENT else PATIENTS,
                )


def _ris(settings: Settings) -> Iterator[Connection]:
    for ris in settings.ris_receivers:
        proof = "it proves its name" if ris.tls else "none"
        yield Connection(
            kind=FlowKind.MESSAGES,
            comes_in=False,
            party=ris.name,
            place=f"{ris.host}:{ris.port}",
            protocol="HL7 v2.5.1 by MLLP",
            encryption=_TLS if ris.tls else _way(ris.host),
            authentication=_and(proof, "our certificate" if ris.tls and ris.tls_certificate else ""),
            data=PATIENTS,
        )


def _kept(settings: Settings) -> Iterator[Connection]:
    """Where what was received is kept: database and store."""
    place, encryption, proof = _database(settings.database.url)
    yield Connection(
        kind=FlowKind.DATABASE,
        comes_in=False,
        party="PostgreSQL",
        place=place,
        protocol="PostgreSQL",
        encryption=encryption,
        authentication=proof,
        data=PATIENTS,
    )
    store = settings.store
    if store.is_bucket:
        endpoint = urlsplit(store.endpoint or "https://s3.amazonaws.com")
        has_keys = bool(store.access_key.get_secret_value())
        port = endpoint.port or (_HTTPS_PORT if endpoint.scheme == "https" else _HTTP_PORT)
        yield Connection(
            kind=FlowKind.STORE,
            comes_in=False,
            party="bucket of films",
            place=f"{endpoint.hostname}:{port}",
            protocol="S3",
            encryption=_TLS if endpoint.scheme == "https" else _OPEN,
            authentication="access key" if has_keys else "as the machine is set up",
            data=PATIENTS,
        )


def _database(url: str) -> tuple[str, str, str]:
    if url == EMBEDDED:
        return "Unix socket in `home`", _LOCAL, "access to its folder"
    parts = urlsplit(url)
    mode = parse_qs(parts.query).get("sslmode", ["prefer"])[0]
    host = parts.hostname or parse_qs(parts.query).get("host", [""])[0]
    is_local = not host or host.startswith("/")
    encryption = _LOCAL if is_local else f"TLS (sslmode {mode})"
    if not is_local and mode in {"disable", "allow", "prefer"}:
        encryption = _OPEN if mode == "disable" else f"{_PERHAPS} (sslmode {mode})"
    place = "Unix socket" if is_local else f"{host}:{parts.port or _POSTGRESQL_PORT}"
    return place, encryption, "password" if parts.password else "as the server is set up"


def _others(settings: Settings) -> Iterator[Connection]:
    oidc, audit, alarm = settings.oidc, settings.audit, settings.alarm
    if oidc.issuer:
        issuer = urlsplit(oidc.issuer)
        yield Connection(
            kind=FlowKind.SINGLE_SIGN_ON,
            comes_in=False,
            party="identity provider",
            place=f"{issuer.hostname}:{issuer.port or _HTTPS_PORT}",
            protocol="OpenID Connect",
            encryption=_TLS if issuer.scheme == "https" else _LOCAL,
            authentication="client secret; signed tokens",
            data="names and roles of users",
        )
    if audit.syslog_host:
        yield Connection(
            kind=FlowKind.AUDIT,
            comes_in=False,
            party="audit repository",
            place=f"{audit.syslog_host}:{audit.syslog_port}",
            protocol="syslog over TLS",
            encryption=_TLS,
            authentication=_and("it proves its name", "our certificate" if audit.tls_certificate else ""),
            data="UIDs of studies and logins of users",
        )
    if alarm.webhook is not None:
        is_secure = alarm.webhook.get_secret_value().startswith("https://")
        yield _alarm("webhook", "not shown: it may hold a key", "HTTP POST", _TLS if is_secure else _OPEN)
    if alarm.mail_to:
        place = f"{alarm.smtp_host}:{alarm.smtp_port}"
        yield _alarm("mail server", place, "SMTP", _TLS if alarm.smtp_starttls else _way(alarm.smtp_host))
    if settings.traces.endpoint:
        yield _traces(urlsplit(settings.traces.endpoint))


def _traces(endpoint: SplitResult) -> Connection:
    """Return where spans go; the rest of the address, which may hold a key, is not told."""
    is_secure, host = endpoint.scheme == "https", endpoint.hostname or ""
    return Connection(
        kind=FlowKind.TRACES,
        comes_in=False,
        party="collector of traces",
        place=f"{host}:{endpoint.port or (_HTTPS_PORT if is_secure else _HTTP_PORT)}",
        protocol="OTLP by HTTP",
        encryption=_TLS if is_secure else _way(host),
        authentication="none",
        data=NONE,
    )


def _alarm(party: str, place: str, protocol: str, encryption: str) -> Connection:
    return Connection(
        kind=FlowKind.ALARM,
        comes_in=False,
        party=party,
        place=place,
        protocol=protocol,
        encryption=encryption,
        authentication="none" if party != "webhook" else "what its address holds",
        data=NONE,
    )


def _way(host: str) -> str:
    """Return how safe a connection without TLS is: safe where it stays within the machine."""
    return _LOCAL if host in _LOOPBACK else _OPEN


def _and(*proofs: str) -> str:
    return ", ".join(proof for proof in proofs if proof and proof != "none") or "none"
