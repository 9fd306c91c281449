"""Which form an answer gets, by the Accept header (PS3.18 Section 8.7; RFC 9110 Section 12.5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fastapi import HTTPException
from python_multipart.multipart import parse_options_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.datastructures import Headers

DICOM: Final = "application/dicom"
DICOM_JSON: Final = "application/dicom+json"
JSON: Final = "application/json"
MULTIPART: Final = "multipart/related"
OCTETS: Final = "application/octet-stream"
_ANY: Final = "*/*"
_SYNTAXES: Final = frozenset({"", "*", "1.2.840.10008.1.2.1"})
"""Transfer syntaxes that an answer may be wanted in: ours, Explicit VR Little Endian."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """One form that a program takes."""

    media_type: str
    part: str
    """Of `multipart/related`: what its parts are."""
    transfer_syntax: str


def wanted_of(header: str) -> Iterator[Wanted]:
    """Yield what an Accept header names, in its order; all, where it names nothing."""
    for piece in header.split(",") if header.strip() else [_ANY]:
        kind, options = parse_options_header(piece.strip())
        told = {name.decode("latin-1"): value.decode("latin-1") for name, value in options.items()}
        yield Wanted(
            media_type=kind.decode("latin-1"),
            part=told.get("type", "").strip('"'),
            transfer_syntax=told.get("transfer-syntax", "").strip('"'),
        )


def check_json(headers: Headers) -> None:
    """Refuse to answer a program that takes no DICOM JSON.

    Raises:
        HTTPException: 406.
    """
    fitting = {DICOM_JSON, JSON, "application/*", _ANY}
    if not any(one.media_type in fitting for one in wanted_of(headers.get("accept", ""))):
        raise HTTPException(406, f"answers are {DICOM_JSON}")


def takes_single_file(headers: Headers) -> bool:
    """Whether DICOM files are to come as one body (true) or as parts of one (false).

    Raises:
        HTTPException: 406, the program takes neither in Explicit VR Little Endian.
    """
    for one in wanted_of(headers.get("accept", "")):
        if one.transfer_syntax not in _SYNTAXES:
            continue
        if one.media_type == DICOM:
            return True
        if one.media_type == MULTIPART and one.part in {"", DICOM, _ANY, OCTETS}:
            return False
        if one.media_type in {_ANY, "multipart/*"}:
            return False
    raise HTTPException(406, f"answers are {MULTIPART} or {DICOM} in Explicit VR Little Endian")
