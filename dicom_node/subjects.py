"""Whom a result is about, read from the headers of its films."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.valuerep import PersonName

from dicom_node.evidence import evidence_of, request_of, text_of
from dicom_node.films import SpoolFilms
from dicom_node.silence import quiet
from domain.subject import Subject

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicom_node.store import Store
    from domain.findings import Findings


class StoredSubjects:
    """Reads patients and orders from the films in the store: implements `domain.delivery_ports.SubjectReader`."""

    def __init__(self, store: Store) -> None:
        self._films = SpoolFilms(store)

    def subject(self, findings: Findings) -> Subject:
        """Return whom findings are about; what no film says, or says wrongly, is empty.

        Raises:
            Transient: the store can't be read now.
        """
        headers = (self._films.dataset(film) for film in findings.films)
        sources = [header for header in headers if header is not None]
        with quiet():
            header = evidence_of(findings, sources)[0]
            order = next(iter(request_of(header, sources)), None)
        return Subject(
            patient_id=text_of(header, "PatientID"),
            issuer_of_patient_id=text_of(header, "IssuerOfPatientID"),
            patient_name=_components(header),
            birth_date=text_of(header, "PatientBirthDate"),
            sex=text_of(header, "PatientSex"),
            study_date=text_of(header, "StudyDate"),
            study_time=text_of(header, "StudyTime"),
            accession_number=text_of(header, "AccessionNumber"),
            placer_order_number="" if order is None else text_of(order, "PlacerOrderNumberImagingServiceRequest"),
            filler_order_number="" if order is None else text_of(order, "FillerOrderNumberImagingServiceRequest"),
            procedure_code=_procedure(header),
        )


def _components(header: Dataset) -> tuple[str, ...]:
    name = PersonName(text_of(header, "PatientName"))
    return (name.family_name, name.given_name, name.middle_name, name.name_prefix, name.name_suffix)


def _procedure(header: Dataset) -> tuple[str, str, str]:
    item = next(iter(header.get("ProcedureCodeSequence") or ()), None)
    if item is None:
        return "", text_of(header, "StudyDescription"), ""
    value = text_of(item, "CodeValue") or text_of(item, "LongCodeValue")
    return value, text_of(item, "CodeMeaning"), text_of(item, "CodingSchemeDesignator")
