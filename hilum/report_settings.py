"""The settings of our reports, and of final reports that come back from a RIS and how they are understood."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, IPvAnyNetwork, model_validator

from hilum.section import Section

CodeTerm = Annotated[str, Field(pattern=r"^[^:\s]+:[^:\s]+$")]
Keyword = Annotated[str, Field(pattern=r"[^\W_]", max_length=100)]

UUID_ROOT = "2.25"
"""The root of UIDs made of UUIDs (PS3.5 B.2): nobody has to register it."""

_CODES = "codes in coded values that name {}, as `scheme:code`; `*` stands for anything"
_KEYWORDS = (
    "words of the text that name {}; `*` stands for any letters; capitals do not matter, ä is ae, a hyphen is a space"
)


def _uid_root(text: str) -> str:
    if not re.fullmatch(r"[0-2](\.(0|[1-9][0-9]*))+", text):
        raise ValueError("not a dotted decimal UID root")
    return text


class Report(Section):
    """The structured report that goes back, and the other objects of a result."""

    uid_root: Annotated[str, AfterValidator(_uid_root)] = Field(
        UUID_ROOT,
        max_length=43,
        description="dotted decimal root of the reports' UIDs, at most 43 characters; `2.25` needs no registration",
    )
    series_number: int = Field(
        9001,
        ge=1,
        le=2**31 - 8,
        description="Series Number (0020,0011) of the report's series; other objects have those that follow it",
    )
    capture_pixels: int = Field(
        1280, ge=256, le=3072, description="rows and columns, 256 to 3072, that the film has at most in a capture"
    )


class FinalReports(Section):
    """Final reports of radiologists, as HL7 messages from a RIS."""

    host: str = Field("127.0.0.1", min_length=1, description="the address to listen on; `0.0.0.0` for all")
    port: int = Field(0, ge=0, le=65535, description="a TCP port for MLLP, usually 2575; 0: no reports are taken")
    accepts_from: tuple[IPvAnyNetwork, ...] = Field(
        (), description="IP addresses or networks (`10.1.0.0/16`) that may send; empty: any"
    )
    tls_certificate: Path | None = Field(
        None, description="a PEM file with our certificate and those above it; unset: connections are not encrypted"
    )
    tls_key: Path | None = Field(None, description="a PEM file with our private key")
    tls_client_authorities: Path | None = Field(
        None, description="a PEM file with the authorities whose clients may call over TLS; unset: any client may"
    )
    timeout_seconds: float = Field(
        30, gt=0, le=3600, description="seconds, to 3600, that a sender may be silent within a message"
    )
    idle_timeout_seconds: float = Field(
        3600, gt=0, le=604800, description="seconds, to 604800, that a connection may be silent between two messages"
    )
    covid19_codes: tuple[CodeTerm, ...] = Field(
        ("SCT:882784691000119100", "SCT:840539006", "I10*:U07.1"), description=_CODES.format("COVID-19")
    )
    covid19_keywords: tuple[Keyword, ...] = Field(
        (
            "covid",
            "covid *pneumon*",
            "covid19",
            "covid19 *pneumon*",
            "covid 19",
            "covid 19 *pneumon*",
            "sars cov 2",
            "sars cov 2 *pneumon*",
            "coronavirus*",
            "coronapneumonie*",
            "corona pneumonie*",
        ),
        description=_KEYWORDS.format("COVID-19"),
    )
    pneumonia_codes: tuple[CodeTerm, ...] = Field(
        ("SCT:233604007", *(f"I10*:J{number}*" for number in range(12, 19))), description=_CODES.format("pneumonia")
    )
    pneumonia_keywords: tuple[Keyword, ...] = Field(
        ("*pneumonia", "*pneumonias", "*pneumonie", "*pneumonien", "*pneumonic", "*pneumonisch*"),
        description=_KEYWORDS.format("pneumonia"),
    )
    normal_codes: tuple[CodeTerm, ...] = Field(("SCT:17621005",), description=_CODES.format("a film without findings"))
    normal_keywords: tuple[Keyword, ...] = Field(
        (
            "normal chest",
            "normal study",
            "normal examination",
            "no acute cardiopulmonary",
            "no acute disease",
            "no active disease",
            "unremarkable chest",
            "unremarkable study",
            "unauffaelliger thorax*",
            "unauffaelliger herz lungen befund",
            "unauffaelliger befund",
            "regelrechter thorax*",
            "regelrechter befund",
            "kein pathologischer befund",
            "ohne pathologischen befund",
        ),
        description=_KEYWORDS.format("a film without findings"),
    )

    @model_validator(mode="after")
    def _can_speak_tls(self) -> FinalReports:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together")
        if self.tls_client_authorities is not None and self.tls_certificate is None:
            raise ValueError("tls_client_authorities needs tls_certificate and tls_key")
        return self
