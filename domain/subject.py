"""Whom a study and its result are about: the values that hold a patient's data."""

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


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StudyIdentity:
    """What a worklist shows of a study, as its first film names it, each empty where it does not.

    It never shows by itself what it holds. Texts are decoded from their character set and have no control characters.
    """

    patient_name: str = ""
    """With its groups and components, as DICOM writes it (PS3.5 6.2.1)."""
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_birth_date: str = ""
    """YYYYMMDD."""
    patient_sex: str = ""
    """M, F or O."""
    accession_number: str = ""
    study_date: str = ""
    """YYYYMMDD."""
    study_time: str = ""
    """HHMMSS, or its beginning; with fractions where the film has them."""
    study_description: str = ""
    station_name: str = ""
    """Station Name (0008,1010) of the equipment that made the film."""
