"""Who signs a report: its device as the site calls it, and UIDs that are the same each time the same report is made."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.findings import Findings, ModelVersion

_UID_MAX_CHARACTERS = 64  # PS3.5 9.1
_UID_ROOT = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_MIN_DIGITS = 20
"""Decimal digits of the hash that must fit behind the root, so that two reports never share a UID."""
_LO_MAX_CHARACTERS = 64  # PS3.5 6.2, VR LO
_SERIAL_CHARACTERS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportSettings:
    """What a site decides about its reports."""

    uid_root: str | None = None
    """Root of the organisation's UIDs; None: UIDs derived from UUIDs under 2.25 (PS3.5 B.2), which need no root."""
    manufacturer: str = "Hilum"
    station: str = "HILUM"
    """Name of the device as the report gives it, by habit its AE title."""
    serial_number: str | None = None
    """None: the first 16 hexadecimal digits of the weights' SHA-256."""
    series_number: int = 9001
    series_description: str = "AI chest X-ray findings (not for diagnosis)"
    normal_means_normal: bool = True
    """False: NORMAL is coded "Normality Undetermined", as a network that knows two diseases only saw neither."""
    triage_priority: bool = True
    """Whether the report carries a priority, high where a target is present."""

    def __post_init__(self) -> None:
        if self.uid_root is not None:
            check_uid_root(self.uid_root)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportDevice:
    """The network as a device; observer, algorithm and contributing equipment say the same of it (IHE AIR 6.5.3.1)."""

    uid: str
    name: str
    manufacturer: str
    model_name: str
    version: str
    serial_number: str


def device_of(model: ModelVersion, settings: ReportSettings) -> ReportDevice:
    """Return the device that a model version is, with a UID that changes with its weights."""
    return ReportDevice(
        uid=uid_for("device", model.name, model.version, model.sha256, root=settings.uid_root),
        name=settings.station,
        manufacturer=settings.manufacturer,
        model_name=model.name[:_LO_MAX_CHARACTERS],
        version=model.version[:_LO_MAX_CHARACTERS],
        serial_number=settings.serial_number or model.sha256[:_SERIAL_CHARACTERS],
    )


def report_uid_for(findings: Findings, kind: str, *, root: str | None = None) -> str:
    """Return the UID of one thing of a report: the same for the same films, model and kind, in every process."""
    digests = sorted(film.digest for film in findings.films)
    thresholds = [findings.model.undetermined_below]
    if findings.model.covid19_from:  # results from before there was one keep their UIDs when they are sent again
        thresholds.append(findings.model.covid19_from)
    model = (findings.model.sha256, *(f"{threshold:.6f}" for threshold in thresholds))
    return uid_for(kind, findings.films[0].study_uid, *digests, *model, root=root)


def uid_for(*parts: str, root: str | None = None) -> str:
    """Derive a UID from the SHA-256 of the parts: under the root, or without one as a UUID of version 8 under 2.25.

    Raises:
        ValueError: the root is no UID or leaves no room.

    """
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    if root is None:
        return f"2.25.{_uuid8(digest)}"
    check_uid_root(root)
    digits = _UID_MAX_CHARACTERS - len(root) - 1
    return f"{root}.{int.from_bytes(digest) % 10**digits}"


def check_uid_root(root: str) -> None:
    """Refuse a root that can't begin a UID (PS3.5 9.1).

    Raises:
        ValueError: the root is no UID or leaves no room.

    """
    if not _UID_ROOT.fullmatch(root) or len(root) + 1 + _MIN_DIGITS > _UID_MAX_CHARACTERS:
        raise ValueError("a UID root is numbers joined by dots, of at most 43 characters")


def _uuid8(digest: bytes) -> int:
    """Return the first 128 bits with version 8 and variant 2 set (RFC 9562, 5.8)."""
    bits = int.from_bytes(digest[:16])
    bits = bits & ~(0xF << 76) | 0x8 << 76
    return bits & ~(0x3 << 62) | 0x2 << 62
