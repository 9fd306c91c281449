"""The settings of the DICOM node."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from domain.film import ConflictPolicy
from hilum.peer_settings import AeTitleText, Port  # noqa: TC001 - pydantic reads them at run time
from hilum.section import Section


class Node(Section):
    """The DICOM node that receives films."""

    ae_title: AeTitleText = Field("HILUM", description="an AE title of 1 to 16 printable ASCII characters")
    host: str = Field("127.0.0.1", min_length=1, description="the address to listen on; `0.0.0.0` for all")
    port: Port = Field(11112, description="a TCP port from 1 to 65535")
    study_quiet_seconds: float = Field(
        5, ge=0, le=3600, description="seconds, 0 to 3600: a study with no new instance for this long is complete"
    )
    maximum_associations: int = Field(64, ge=1, le=1000, description="senders at the same time, 1 to 1000")
    acse_timeout_seconds: float = Field(
        30, gt=0, le=3600, description="seconds, to 3600, that a caller may take to ask for an association"
    )
    dimse_timeout_seconds: float = Field(
        60, gt=0, le=3600, description="seconds, to 3600, that a caller may be silent within a message"
    )
    idle_timeout_seconds: float = Field(
        60, gt=0, le=86400, description="seconds, to 86400, that an association may be silent between two messages"
    )
    check_called_ae_title: bool = Field(
        False,  # noqa: FBT003 - a default
        description="true or false: reject associations that ask for another AE title than ours",
    )
    tls_port: int = Field(0, ge=0, le=65535, description="a TCP port for DICOM over TLS, usually 2762; 0: none")
    tls_certificate: Path | None = Field(None, description="a PEM file with our certificate and those above it")
    tls_key: Path | None = Field(None, description="a PEM file with our private key")
    tls_client_authorities: Path | None = Field(
        None, description="a PEM file with the authorities whose clients may call over TLS; unset: any client may"
    )
    processes: int = Field(
        0, ge=0, le=64, description="processes that receive, 1 to 64; 0: one for each core, at most 4"
    )
    on_conflict: ConflictPolicy = Field(
        ConflictPolicy.KEEP_FIRST,
        description="what is done with other content under a known SOP Instance UID: `reject` refuses it, `keep_first` "
        "keeps it aside, `replace` lets it count and keeps the first one aside",
    )
    reserve_megabytes: int = Field(
        512, ge=0, le=1_000_000, description="free space on the spool's disk, in MB, below which no film is taken"
    )
