"""Who is on a film, and on which side of a split a patient stands."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VALIDATION_SHARE = 0.2
_KERMANY_PATIENT = re.compile(r"(?:NORMAL2-)?(IM-\d+|person\d+)")


def patient_of(row: Mapping[str, str]) -> str:
    """Return the group a film belongs to: `personN` or `IM-NNNN` for Kermany's films, else the id given, else the film.

    `row` has `source`, `source_name` and perhaps `patient_id`. The numbers `IM-NNNN` and `NORMAL2-IM-NNNN` are taken
    for one patient, to be on the safe side.
    """
    source = row["source"]
    if source == "kermany" and (match := _KERMANY_PATIENT.match(row["source_name"])):
        return f"kermany-{match.group(1)}"
    return row.get("patient_id") or f"{source}-{Path(row['source_name']).stem.rstrip('-')}"


def is_validation(patient: str, seed: int) -> bool:
    """Say on which side of the split a patient stands; the answer depends on nothing but the patient and the seed."""
    digest = hashlib.sha256(f"{seed}:{patient}".encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 < VALIDATION_SHARE
