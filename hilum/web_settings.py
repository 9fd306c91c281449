"""The settings of the web server, and of the programs that may talk to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from hilum.peer_settings import AeTitleText  # noqa: TC001 - pydantic reads it at run time
from hilum.section import Section

RightName = Literal["read", "store", "worklist", "watch"]


class Web(Section):
    """The web server, which offers DICOMweb."""

    host: str = Field("127.0.0.1", min_length=1, description="the address to listen on; `0.0.0.0` for all")
    port: int = Field(0, ge=0, le=65535, description="a TCP port, usually 8443 with TLS; 0: there is no web server")
    tls_certificate: Path | None = Field(
        None, description="a PEM file with our certificate and those above it; unset: plain HTTP, for a proxy before it"
    )
    tls_key: Path | None = Field(None, description="a PEM file with our private key")
    largest_megabytes: int = Field(
        500, ge=1, le=100_000, description="MB, 1 to 100000, that one request may send; films go on the disk meanwhile"
    )

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
