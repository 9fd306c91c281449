"""Whom a result is about, as the headers of its films say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import Dataset

from dicom_node.spool import Spool
from dicom_node.subjects import StoredSubjects

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from domain.findings import Findings
    from domain.subject import Subject


def subject_of(findings: Findings, film: Dataset, folder: Path) -> Subject:
    film.save_as(folder / findings.films[0].path, enforce_file_format=True)
    return StoredSubjects(Spool(folder)).subject(findings)


def test_patient_study_and_order_are_read(film: Dataset, classified: Callable[..., Findings], tmp_path: Path) -> None:
    """The order from the request attributes, the procedure from its code."""
    film.PatientName = "Doe^Jane^Q^Dr^Jr"
    film.PatientBirthDate, film.IssuerOfPatientID = "19700102", "HOSP"
    film.StudyDate, film.StudyTime = "20260101", "101112.5"
    request, code = Dataset(), Dataset()
    request.RequestedProcedureID, request.PlacerOrderNumberImagingServiceRequest = "R1", "PL1"
    request.FillerOrderNumberImagingServiceRequest = "FL1"
    film.RequestAttributesSequence = [request]
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "36643-5", "LN", "XR Chest"
    film.ProcedureCodeSequence = [code]
    found = subject_of(classified(film), film, tmp_path)
    assert found.patient_name == ("Doe", "Jane", "Q", "Dr", "Jr")
    assert (found.patient_id, found.issuer_of_patient_id, found.birth_date, found.sex) == (
        "P1",
        "HOSP",
        "19700102",
        "F",
    )
    assert (found.study_date, found.study_time, found.accession_number) == ("20260101", "101112.5", "A1")
    assert (found.placer_order_number, found.filler_order_number) == ("PL1", "FL1")
    assert found.procedure_code == ("36643-5", "XR Chest", "LN")


def test_a_name_in_another_script_is_read(film: Dataset, classified: Callable[..., Findings], tmp_path: Path) -> None:
    """The first group of the name."""
    film.SpecificCharacterSet = "ISO_IR 192"
    film.PatientName = "Yamada^Tarou=山田^太郎"
    assert subject_of(classified(film), film, tmp_path).patient_name[:2] == ("Yamada", "Tarou")


def test_what_is_missing_or_wrong_is_empty(film: Dataset, classified: Callable[..., Findings], tmp_path: Path) -> None:
    """A poor header is no reason to tell nothing."""
    for keyword in ("PatientName", "PatientID", "AccessionNumber", "StudyDescription"):
        if keyword in film:
            del film[keyword]
    film.PatientSex = "X"
    found = subject_of(classified(film), film, tmp_path)
    assert (found.patient_id, found.sex, found.accession_number, found.placer_order_number) == ("", "", "", "")
    assert (set(found.patient_name), set(found.procedure_code)) == ({""}, {""})


def test_films_that_are_gone_leave_everything_empty(
    film: Dataset, classified: Callable[..., Findings], tmp_path: Path
) -> None:
    """The study is told all the same."""
    (tmp_path / classified(film).films[0].path).write_bytes(b"no film any more")
    assert StoredSubjects(Spool(tmp_path)).subject(classified(film)).patient_id == ""


def test_a_subject_shows_nothing_of_itself(film: Dataset, classified: Callable[..., Findings], tmp_path: Path) -> None:
    """Should it ever come near a log."""
    assert "Doe" not in repr(subject_of(classified(film), film, tmp_path))
