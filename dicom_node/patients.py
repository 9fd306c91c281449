"""Whose film it is, as a key that shows nobody: one patient's films stay together when networks learn or are judged."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pydicom

from dicom_node.silence import quiet

if TYPE_CHECKING:
    from pathlib import Path

_KEYS = ("PatientID", "IssuerOfPatientID")
_KEY_DIGITS = 24


def patient_key(path: Path) -> str | None:
    """Return a digest of the patient's id and its issuer (PS3.3 C.7.1.1), in hexadecimal.

    None where the file is no DICOM file or its header names no id.
    """
    try:
        with quiet():
            header = pydicom.dcmread(path, force=True, stop_before_pixels=True, specific_tags=list(_KEYS))
            identity, issuer = (str(header.get(key) or "").strip() for key in _KEYS)
    except Exception:  # noqa: BLE001 - a parser meets any bytes here; whatever it raises, the file tells nobody
        return None
    return hashlib.sha256(f"{issuer}\0{identity}".encode()).hexdigest()[:_KEY_DIGITS] if identity else None
