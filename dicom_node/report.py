"""The structured report: findings written as a DICOM document of the study they are about (PS3.3 A.35)."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pydicom
from highdicom.sr import Comprehensive3DSR, ComprehensiveSR, EnhancedSR
from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage, ComprehensiveSRStorage, EnhancedSRStorage

from dicom_node.authorship import character_set, contribution, institution, stamp
from dicom_node.evidence import evidence_of, minimal_evidence_of, request_of, timezone_of
from dicom_node.identity import ReportSettings, device_of, report_uid_for, uid_for
from dicom_node.report_tree import content_tree
from dicom_node.silence import quiet
from domain.findings import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from domain.findings import Findings

__all__ = ["ReportSettings", "build_report", "uid_for"]

_DOCUMENTS: Mapping[str, Any] = {
    Comprehensive3DSRStorage: Comprehensive3DSR,
    ComprehensiveSRStorage: ComprehensiveSR,
    EnhancedSRStorage: EnhancedSR,
}
_LO_MAX_CHARACTERS = 64


def build_report(
    findings: Findings,
    sources: Sequence[Dataset],
    *,
    created: datetime,
    sop_class_uid: str = Comprehensive3DSRStorage,
    settings: ReportSettings | None = None,
    predecessor: Findings | None = None,
    is_encoded: bool = False,
) -> Dataset:
    """Return the report, a new series of the study; the same arguments give the same bytes.

    Args:
        findings: What is reported.
        sources: Headers of the films that could be read; patient and study come from the analysed one or the first.
        created: When the findings were made; aware of its time zone, or else taken as local time.
        sop_class_uid: Comprehensive 3D SR, Comprehensive SR or Enhanced SR Storage; the content is the same.
        settings: What the site decides, None for the defaults.
        predecessor: The study's findings before these, whose report this one supersedes.
        is_encoded: The caller encodes it anyhow, and takes `minimal_report` where that fails: it is not tried here.

    Raises:
        ValueError: another SOP class is asked for.

    """
    if sop_class_uid not in _DOCUMENTS:
        raise ValueError("a report is an Enhanced, Comprehensive or Comprehensive 3D SR")
    settings = settings or ReportSettings()
    with quiet():
        try:
            evidence = evidence_of(findings, sources)
            document = _document(findings, sources, evidence, created, sop_class_uid, settings, predecessor)
            if not is_encoded:
                pydicom.dcmwrite(BytesIO(), document)  # a value that can't be encoded shows here
        except Exception:  # noqa: BLE001 - a header can be wrong in any way; the result must still reach the radiologist
            return minimal_report(
                findings,
                sources,
                created=created,
                sop_class_uid=sop_class_uid,
                settings=settings,
                predecessor=predecessor,
            )
        return document


def minimal_report(
    findings: Findings,
    sources: Sequence[Dataset],
    *,
    created: datetime,
    sop_class_uid: str = Comprehensive3DSRStorage,
    settings: ReportSettings | None = None,
    predecessor: Findings | None = None,
) -> Dataset:
    """Return the report with no more of the films' headers than patient and study ids; see `build_report`."""
    with quiet():
        evidence = minimal_evidence_of(findings, sources)
        return _document(findings, [], evidence, created, sop_class_uid, settings or ReportSettings(), predecessor)


def _document(
    findings: Findings,
    sources: Sequence[Dataset],
    evidence: list[Dataset],
    created: datetime,
    sop_class_uid: str,
    settings: ReportSettings,
    predecessor: Findings | None,
) -> Dataset:
    zone = timezone_of(sources)
    moment = created.astimezone(zone)
    device = device_of(findings.model, settings)
    document = _DOCUMENTS[sop_class_uid](
        evidence=evidence,
        content=content_tree(findings, sources, device=device, settings=settings, is_update=predecessor is not None)[0],
        series_instance_uid=report_uid_for(findings, "series", root=settings.uid_root),
        series_number=settings.series_number,
        # An instance can't change its class, so each class that peers accept is an instance of its own.
        sop_instance_uid=report_uid_for(findings, f"report {sop_class_uid}", root=settings.uid_root),
        previous_versions=None if predecessor is None else [_named(predecessor, sop_class_uid, settings)],
        instance_number=1,
        is_complete=findings.outcome is not Outcome.COULD_NOT_PROCESS,
        is_final=False,
        is_verified=False,
        requested_procedures=request_of(evidence[0], sources) or None,
        contributing_equipment=[contribution(device, moment)],
        specific_character_set=character_set(evidence[0]),
        series_description=settings.series_description,
        manufacturer=device.manufacturer,
        manufacturer_model_name=device.model_name,
        device_serial_number=device.serial_number,
        software_versions=device.version,
        institution_name=institution(evidence[0]),
        content_date=moment.date(),
        content_time=moment.time(),
        series_date=moment.date(),
        series_time=moment.time(),
    )
    _explain_partial(document, findings)
    stamp(document, moment, with_zone=zone is not None)
    return document  # type: ignore[no-any-return]  # chosen from a table of classes


def _named(findings: Findings, sop_class_uid: str, settings: ReportSettings) -> Dataset:
    """Name the report of earlier findings, for Predecessor Documents Sequence (PS3.3 C.17.2)."""
    report = Dataset()
    report.StudyInstanceUID = findings.films[0].study_uid
    report.SeriesInstanceUID = report_uid_for(findings, "series", root=settings.uid_root)
    report.SOPClassUID = sop_class_uid
    report.SOPInstanceUID = report_uid_for(findings, f"report {sop_class_uid}", root=settings.uid_root)
    return report


def _explain_partial(document: Dataset, findings: Findings) -> None:
    if findings.unsuitable is not None:
        document.CompletionFlagDescription = findings.unsuitable.sentence[:_LO_MAX_CHARACTERS]
