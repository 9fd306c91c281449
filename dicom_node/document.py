"""The result as pages to read, for viewers that show documents: an encapsulated PDF (PS3.3 A.45.1)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from highdicom import ContributingEquipment
from highdicom.base import SOPClass
from pydicom.dataset import Dataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian
from pydicom.valuerep import DT

from dicom_node import codes
from dicom_node.authorship import character_set, coded_item, contribution, institution, stamp
from dicom_node.evidence import evidence_of, timezone_of
from dicom_node.identity import device_of, report_uid_for
from dicom_node.silence import quiet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dicom_node.identity import ReportSettings
    from domain.findings import Findings

_SERIES_AFTER_REPORT = 4
_TITLE = "AI chest X-ray result (not for diagnosis)"


def build_document(
    findings: Findings,
    sources: Sequence[Dataset],
    pages: bytes,
    *,
    created: datetime,
    settings: ReportSettings,
    predecessor: Findings | None = None,
) -> Dataset:
    """Return the pages as a new series of the study; the same arguments give the same bytes.

    Args:
        findings: What the pages say.
        sources: Headers of the films that could be read.
        pages: PDF; no patient's data is written into it.
        created: When the findings were made; aware of its time zone.
        settings: What the site decides.
        predecessor: The study's findings before these, whose document this one supersedes.

    Raises:
        ValueError: there are no pages.
    """
    if not pages:
        raise ValueError("a document needs pages")
    with quiet():
        header = evidence_of(findings, sources)[0]
        zone = timezone_of(sources)
        moment = created.astimezone(zone)
        device = device_of(findings.model, settings)
        document = SOPClass(
            study_instance_uid=header.StudyInstanceUID,
            series_instance_uid=report_uid_for(findings, "document series", root=settings.uid_root),
            series_number=settings.series_number + _SERIES_AFTER_REPORT,
            sop_instance_uid=report_uid_for(findings, "document", root=settings.uid_root),
            sop_class_uid=EncapsulatedPDFStorage,
            instance_number=1,
            modality="DOC",
            manufacturer=device.manufacturer,
            manufacturer_model_name=device.model_name,
            software_versions=device.version,
            device_serial_number=device.serial_number,
            institution_name=institution(header),
            series_description=_TITLE,
            content_date=moment.date(),
            content_time=moment.time(),
            series_date=moment.date(),
            series_time=moment.time(),
            transfer_syntax_uid=ExplicitVRLittleEndian,
        )
        document.copy_patient_and_study_information(header)
        document.SpecificCharacterSet = character_set(header)
        document.ContributingEquipmentSequence = [*_acquisition(header), contribution(device, moment)]
        document.AcquisitionDateTime = DT(moment.replace(tzinfo=None))
        document.update(_content(findings, pages))
        if predecessor is not None:
            document.PredecessorDocumentsSequence = [_named(predecessor, settings)]
        stamp(document, moment, with_zone=zone is not None)
    return document


def _acquisition(header: Dataset) -> list[ContributingEquipment]:
    """Describe the modality, where the film's header tells enough of it."""
    with suppress(AttributeError, TypeError, ValueError):  # it does not
        return [ContributingEquipment.for_image_acquisition(header)]
    return []


def _content(findings: Findings, pages: bytes) -> Dataset:
    """Say what the pages are, and that nobody is named on them (PS3.3 C.8.6.1, C.24.2)."""
    content = Dataset()
    content.ConversionType = "WSD"
    content.BurnedInAnnotation = "NO"
    content.RecognizableVisualFeatures = "NO"
    content.DocumentTitle = _TITLE
    content.ConceptNameCodeSequence = [coded_item(codes.MEASUREMENT_REPORT)]
    content.VerificationFlag = "UNVERIFIED"
    told = findings.films if findings.analysed is None else (findings.analysed,)
    content.SourceInstanceSequence = [_reference(film.sop_class_uid, film.sop_instance_uid) for film in told]
    content.MIMETypeOfEncapsulatedDocument = "application/pdf"
    content.EncapsulatedDocument = pages + b"\0" * (len(pages) % 2)
    content.EncapsulatedDocumentLength = len(pages)  # without the byte that makes it even
    return content


def _named(findings: Findings, settings: ReportSettings) -> Dataset:
    """Name the document of earlier findings, for Predecessor Documents Sequence (PS3.3 C.24.2)."""
    series = Dataset()
    series.SeriesInstanceUID = report_uid_for(findings, "document series", root=settings.uid_root)
    uid = report_uid_for(findings, "document", root=settings.uid_root)
    series.ReferencedSOPSequence = [_reference(EncapsulatedPDFStorage, uid)]
    study = Dataset()
    study.StudyInstanceUID = findings.films[0].study_uid
    study.ReferencedSeriesSequence = [series]
    return study


def _reference(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sop_class_uid, sop_instance_uid
    return reference
