"""What a report takes over from the headers of its films, put right where a device wrote it wrong."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.valuerep import PersonName

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from domain.film import StoredFilm
    from domain.findings import Findings

# Attributes of the Patient, General Study and Patient Study modules (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2).
_ALWAYS_TEXT = ("PatientName", "PatientID", "AccessionNumber", "StudyID", "ReferringPhysicianName")
"""Type 2: written empty where the film has none."""
_TEXT = ("IssuerOfPatientID", "TypeOfPatientID", "EthnicGroup", "StudyDescription")
_EQUIPMENT = (
    "Manufacturer",
    "ManufacturerModelName",
    "DeviceSerialNumber",
    "SoftwareVersions",
    "StationName",
    "InstitutionName",
    "InstitutionalDepartmentName",
)
_CODE = ("CodeValue", "LongCodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning")
_ISSUER = ("LocalNamespaceEntityID", "UniversalEntityID", "UniversalEntityIDType")
_ITEMS = {
    "OtherPatientIDsSequence": ("PatientID", "IssuerOfPatientID", "TypeOfPatientID"),
    "IssuerOfPatientIDQualifiersSequence": _ISSUER[1:],
    "IssuerOfAccessionNumberSequence": _ISSUER,
    "ProcedureCodeSequence": _CODE,
}
_REQUEST_TEXT = {
    # Referenced Request Sequence (0040,A370) on the left, PS3.3 C.17.2; where the film has it on the right.
    "AccessionNumber": "AccessionNumber",
    "PlacerOrderNumberImagingServiceRequest": "PlacerOrderNumberImagingServiceRequest",
    "FillerOrderNumberImagingServiceRequest": "FillerOrderNumberImagingServiceRequest",
    "RequestedProcedureID": "RequestedProcedureID",
    "RequestedProcedureDescription": "RequestedProcedureDescription",
}

_DATE_CHARACTERS = 8
_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")
_AGE = re.compile(r"\d{3}[DWMY]")
_OFFSET = re.compile(r"([+-])(\d\d)([0-5]\d)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


def evidence_of(findings: Findings, sources: Sequence[Dataset]) -> list[Dataset]:
    """Return one clean data set per film, the analysed one first; the first carries patient, study and equipment.

    Args:
        findings: They name the films.
        sources: Headers of those films that could be read, in any order.

    """
    ordered = sorted(findings.films, key=lambda film: film != findings.analysed)
    evidence = [_identity(film) for film in ordered]
    header = _best_header(ordered, sources)
    if header is not None:
        evidence[0].update(_patient(header))
        evidence[0].update(_study(header))
        evidence[0].update(_equipment(header))
    return _with_required(evidence)


def minimal_evidence_of(findings: Findings, sources: Sequence[Dataset]) -> list[Dataset]:
    """Return the same with no more than patient and study ids, for headers that defeat the report's builder."""
    evidence = [_identity(film) for film in findings.films]
    header = _best_header(findings.films, sources)
    if header is not None:
        evidence[0].PatientID = text_of(header, "PatientID")
    return _with_required(evidence)


def request_of(evidence: Dataset, sources: Sequence[Dataset]) -> list[Dataset]:
    """Return the Referenced Request Sequence's item, as far as the film knows the order it answers (PS3.3 C.17.2)."""
    for source in sources:
        for item in _sequence(source, "RequestAttributesSequence"):
            request = Dataset()
            for keyword, origin in _REQUEST_TEXT.items():
                setattr(request, keyword, text_of(item, origin) or text_of(source, origin))
            if request.RequestedProcedureID:
                request.StudyInstanceUID = evidence.StudyInstanceUID
                request.ReferencedStudySequence = []
                request.RequestedProcedureCodeSequence = _items(item, "RequestedProcedureCodeSequence", _CODE)
                return [request]
    return []


def timezone_of(sources: Sequence[Dataset]) -> tzinfo | None:
    """Return the zone in which the films' dates are written, None where none of them says so (0008,0201)."""
    for source in sources:
        match = _OFFSET.fullmatch(text_of(source, "TimezoneOffsetFromUTC"))
        if match:
            sign, hours, minutes = match.groups()
            offset = timedelta(hours=int(hours), minutes=int(minutes))
            if offset <= timedelta(hours=14):
                return timezone(offset if sign == "+" else -offset)
    return None


def pixel_geometry(source: Dataset) -> tuple[list[int], list[str], list[float]]:
    """Return (rows, columns), patient orientation and (vertical, horizontal) mm of a pixel, each empty if unknown."""
    size = _numbers(source, "Rows") + _numbers(source, "Columns")
    orientation = [part.strip() for part in _values(source, "PatientOrientation") if part.strip()]
    spacing = _numbers(source, "ImagerPixelSpacing") or _numbers(source, "PixelSpacing")
    return (
        [int(number) for number in size] if len(size) == 2 else [],  # noqa: PLR2004 - rows and columns
        orientation if len(orientation) == 2 else [],  # noqa: PLR2004 - row and column
        spacing if len(spacing) == 2 and min(spacing) > 0.0 else [],  # noqa: PLR2004 - vertical and horizontal
    )


def by_instance(sources: Sequence[Dataset]) -> dict[str, Dataset]:
    """Return the headers by SOP Instance UID."""
    return {text_of(source, "SOPInstanceUID"): source for source in sources}


def text_of(source: Dataset, keyword: str) -> str:
    """Return the first value as text without control characters, empty where there is none."""
    return _CONTROL.sub("", next(iter(_values(source, keyword)), "")).strip()


def _identity(film: StoredFilm) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = film.sop_class_uid
    dataset.SOPInstanceUID = film.sop_instance_uid
    dataset.StudyInstanceUID = film.study_uid
    dataset.SeriesInstanceUID = film.series_uid
    return dataset


def _best_header(films: Sequence[StoredFilm], sources: Sequence[Dataset]) -> Dataset | None:
    """Return the header of the first film that has one."""
    by_uid = by_instance(sources)
    return next((by_uid[film.sop_instance_uid] for film in films if film.sop_instance_uid in by_uid), None)


def _patient(source: Dataset) -> Dataset:
    patient = Dataset()
    sex, age = text_of(source, "PatientSex"), text_of(source, "PatientAge")
    patient.PatientSex = sex if sex in {"M", "F", "O"} else ""
    patient.PatientBirthDate = _date(source, "PatientBirthDate")
    if _AGE.fullmatch(age):
        patient.PatientAge = age
    return patient


def _study(source: Dataset) -> Dataset:
    study = Dataset()
    for keyword in _ALWAYS_TEXT + _TEXT:
        text = text_of(source, keyword)
        if text or keyword in _ALWAYS_TEXT:
            setattr(study, keyword, text)
    for keyword, attributes in _ITEMS.items():
        items = _items(source, keyword, attributes)
        if items:
            setattr(study, keyword, items)
    study.StudyDate = _date(source, "StudyDate")
    time = text_of(source, "StudyTime")
    study.StudyTime = time if _TIME.fullmatch(time) else ""
    return study


def _equipment(source: Dataset) -> Dataset:
    equipment = Dataset()
    for keyword in _EQUIPMENT:
        text = text_of(source, keyword)
        if text:
            setattr(equipment, keyword, text)
    return equipment


def _with_required(evidence: list[Dataset]) -> list[Dataset]:
    """Complete the first data set with empty values for what the report must have."""
    for keyword in (*_ALWAYS_TEXT, "PatientSex", "PatientBirthDate", "StudyDate", "StudyTime"):
        if keyword not in evidence[0]:
            setattr(evidence[0], keyword, "")
    return evidence


def _items(source: Dataset, keyword: str, attributes: Sequence[str]) -> list[Dataset]:
    """Copy the items of a sequence, only the attributes named; a coded item must be complete, another not empty."""
    copies = []
    for item in _sequence(source, keyword):
        copy = Dataset()
        for attribute in attributes:
            text = text_of(item, attribute)
            if text:
                setattr(copy, attribute, text)
        required = ("CodingSchemeDesignator", "CodeMeaning") if attributes is _CODE else ()
        if len(copy) > len(required) and all(attribute in copy for attribute in required):
            copies.append(copy)
    return copies


def _sequence(source: Dataset, keyword: str) -> list[Dataset]:
    value = _value(source, keyword)
    return [item for item in value if isinstance(item, Dataset)] if hasattr(value, "__iter__") else []


def _date(source: Dataset, keyword: str) -> str:
    """Return a date as YYYYMMDD, also where it was written with dots as before DICOM 3; empty if it is none."""
    text = text_of(source, keyword).replace(".", "")
    try:
        return datetime.strptime(text, "%Y%m%d").strftime("%Y%m%d") if len(text) == _DATE_CHARACTERS else ""  # noqa: DTZ007 - no zone
    except ValueError:
        return ""


def _numbers(source: Dataset, keyword: str) -> list[float]:
    try:
        return [float(text) for text in _values(source, keyword)]
    except ValueError:
        return []


def _values(source: Dataset, keyword: str) -> list[str]:
    value = _value(source, keyword)
    if value is None:
        return []
    is_single = isinstance(value, (str, PersonName)) or not hasattr(value, "__iter__")
    return [str(value)] if is_single else [str(part) for part in value]


def _value(source: Dataset, keyword: str) -> Any:  # noqa: ANN401 - whatever the attribute's VR makes of it
    try:
        return source.get(keyword)
    except Exception:  # noqa: BLE001 - whatever a converter raises on a broken value, the value counts as absent
        return None
