"""The settings of the web server, and of the programs that may talk to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, model_validator

from hilum.peer_settings import AeTitleText  # noqa: TC001 - pydantic reads it at run time
from hilum.section import Section

RightName = Literal["read", "store", "worklist", "watch"]


def _time_zone(name: str) -> str:
    if name:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no time zone that this machine knows") from None
    return name


class Web(Section):
    """The web server: pages for people, DICOMweb for programs."""

    host: str = Field("127.0.0.1", min_length=1, description="the address to listen on; `0.0.0.0` for all")
    port: int = Field(
        11180, ge=0, le=65535, description="a TCP port, 8443 by habit with TLS; 0: there is no web server"
    )
    tls_certificate: Path | None = Field(
        None, description="a PEM file with our certificate and those above it; unset: plain HTTP, for a proxy before it"
    )
    tls_key: Path | None = Field(None, description="a PEM file with our private key")
    largest_megabytes: int = Field(
        500, ge=1, le=100_000, description="MB, 1 to 100000, that one request may send; films go on the disk meanwhile"
    )

    public_url: str = Field(
        "",
        pattern=r"^(https?://[^/?#]+/?)?$",
        description="what browsers call us, as https://hilum.example.org; unset: by host and port. With https, cookies "
        "go over TLS only",
    )
    registration: Literal["off", "invitation", "open"] = Field(
        "off",
        description="off, invitation or open: who may make an account; open ones are clinicians', who see their own "
        "uploads only",
    )
    session_hours: float = Field(12, gt=0, le=168, description="hours, to 168, after which one has to log in again")
    idle_minutes: float = Field(
        60, ge=1, le=1440, description="minutes, 1 to 1440, without a request after which one has to log in again"
    )

    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(
        "",
        description="the time zone of times on pages, as Europe/Berlin; unset: the machine's. PDF and "
        "DICOM objects have UTC",
    )
    viewer_url: str = Field(
        "",
        pattern=r"^(https?://[^\s{}]*\{study\}[^\s{}]*)?$",
        description="address of the site's own viewer, with `{study}` for the Study Instance UID: the page of a study "
        "links to it, as https://viewer.example.org/viewer?StudyInstanceUIDs={study}; unset: no link",
    )
    upload_megabytes: int = Field(
        100, ge=1, le=2000, description="MB, 1 to 2000, that a file may have that somebody uploads on the page"
    )
    uploads_a_minute: int = Field(
        30, ge=1, le=1000, description="files, 1 to 1000, that one account may upload within a minute"
    )

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach us by TLS only."""
        return self.public_url.startswith("https://") or self.tls_certificate is not None

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> Web:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("web.tls_certificate and web.tls_key go together")
        return self


class WebClient(Section):
    """A program that may talk to the web server; `hilum token` makes its token."""

    name: AeTitleText = Field(description="an AE title of 1 to 16 printable ASCII characters: what it is recorded as")
    token_sha256: Annotated[str, Field(pattern=r"^[0-9A-Fa-f]{64}$")] = Field(
        description="SHA-256 of its token in 64 hexadecimal digits, as `hilum token` prints it"
    )
    may: tuple[RightName, ...] = Field(
        min_length=1,
        description="what it may: `read` results, `store` films, see and change the `worklist` (with patients' names), "
        "`watch` alarms and figures",
    )


class Audit(Section):
    """Where the audit trail is sent as well: DICOM audit messages by syslog over TLS (PS3.15 A.5, A.6)."""

    syslog_host: str = Field("", description="a host name or address; empty: it is sent nowhere")
    syslog_port: int = Field(6514, ge=1, le=65535, description="a TCP port from 1 to 65535")
    tls_authorities: Path | None = Field(
        None, description="a PEM file with the authorities of its certificate; unset: those that the system trusts"
    )
    tls_certificate: Path | None = Field(None, description="a PEM file with our certificate, where it asks for one")
    tls_key: Path | None = Field(None, description="a PEM file with our private key")

    @property
    def repository(self) -> str | None:
        """What the repository is remembered as; None: there is none."""
        return f"{self.syslog_host}:{self.syslog_port}" if self.syslog_host else None


class Oidc(Section):
    """The hospital's identity provider, for people who log in to the pages (OpenID Connect)."""

    issuer: str = Field(
        "", description="its address, as https://login.example.org/realms/hospital; empty: there is none"
    )
    client_id: str = Field("hilum", min_length=1, description="what it knows us by")
    client_secret: SecretStr = Field(SecretStr(""), description="what we prove ourselves with; it is not shown")
    scope: str = Field("openid profile", description="what is asked for; `openid` must be in it")
    login_claim: str = Field("preferred_username", description="the claim that is the login")
    name_claim: str = Field("name", description="the claim that is the name as pages show it")
    role_claim: str = Field("groups", description="the claim that says what somebody may: a value or a list of them")
    admins: tuple[str, ...] = Field((), description="values of that claim that mean admin")
    radiologists: tuple[str, ...] = Field((), description="values of that claim that mean radiologist")
    operators: tuple[str, ...] = Field((), description="values of that claim that mean operator")
    clinicians: tuple[str, ...] = Field((), description="values of that claim that mean clinician")

    @model_validator(mode="after")
    def _is_secure(self) -> Oidc:
        parts = urlsplit(self.issuer)
        if self.issuer and parts.scheme != "https" and parts.hostname not in {"127.0.0.1", "localhost", "::1"}:
            raise ValueError("oidc.issuer must be an https address")
        return self
