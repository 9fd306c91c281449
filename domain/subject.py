"""Whom a result is about, and which order it answers: the one value that holds a patient's data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Subject:
    """Patient, study and order as the films name them, each empty where they do not; it never shows what it holds."""

    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_name: tuple[str, ...] = ()
    """Components of the first group: family, given, middle name, prefix, suffix (PS3.5 6.2.1)."""
    birth_date: str = ""
    """YYYYMMDD."""
    sex: str = ""
    """M, F or O."""
    study_date: str = ""
    """YYYYMMDD."""
    study_time: str = ""
    """HHMMSS, or its beginning; with fractions where the film has them."""
    accession_number: str = ""
    placer_order_number: str = ""
    filler_order_number: str = ""
    procedure_code: tuple[str, str, str] = ("", "", "")
    """Value, meaning, coding scheme."""
