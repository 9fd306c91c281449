"""The film that a result rests on, marked as a key image: a flag that many viewers show (PS3.3 A.35.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from pydicom.valuerep import DA, TM

from dicom_node import codes
from dicom_node.authorship import character_set, contribution, institution, stamp
from dicom_node.evidence import evidence_of, request_of, timezone_of
from dicom_node.identity import device_of, report_uid_for
from dicom_node.report_tree import observer_of
from dicom_node.silence import quiet
from domain.findings import DISCLAIMER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pydicom.dataset import Dataset

    from dicom_node.identity import ReportSettings
    from domain.findings import Findings

_SERIES_AFTER_REPORT = 3
_REFERENCES = ("IMAGE", "COMPOSITE")


def build_selection(
    findings: Findings, sources: Sequence[Dataset], *, created: datetime, settings: ReportSettings
) -> Dataset:
    """Return a document that selects the analysed film and says why; the same arguments give the same bytes.

    Args:
        findings: What is shown; they name the analysed film.
        sources: Headers of the films that could be read.
        created: When the findings were made; aware of its time zone.
        settings: What the site decides.

    Raises:
        ValueError: no film was analysed.
    """
    if findings.analysed is None:
        raise ValueError("a selection names an analysed film")
    with quiet():
        zone = timezone_of(sources)
        moment = created.astimezone(zone)
        device = device_of(findings.model, settings)
        header = evidence_of(findings, sources)[0]
        content = KeyObjectSelection(
            codes.OF_INTEREST,
            [header],
            observer_device_context=observer_of(device),
            description=f"{findings.summary} {DISCLAIMER}",
        )
        document = KeyObjectSelectionDocument(
            [header],
            content,
            series_instance_uid=report_uid_for(findings, "selection series", root=settings.uid_root),
            series_number=settings.series_number + _SERIES_AFTER_REPORT,
            sop_instance_uid=report_uid_for(findings, "selection", root=settings.uid_root),
            instance_number=1,
            manufacturer=device.manufacturer,
            institution_name=institution(header),
            requested_procedures=request_of(header, sources) or None,
            contributing_equipment=[contribution(device, moment)],
        )
        for item in document.ContentSequence:
            if item.ValueType in _REFERENCES:
                del item.ConceptNameCodeSequence  # which rows 8 and 10 of TID 2010 forbid
        document.copy_patient_and_study_information(header)
        document.SpecificCharacterSet = character_set(header)
        document.ManufacturerModelName, document.SoftwareVersions = device.model_name, device.version
        document.DeviceSerialNumber = device.serial_number
        document.SeriesDescription = "AI key image (not for diagnosis)"
        document.ContentDate = document.SeriesDate = DA(moment.date())
        document.ContentTime = document.SeriesTime = TM(moment.time())
        stamp(document, moment, with_zone=zone is not None)
    return document
