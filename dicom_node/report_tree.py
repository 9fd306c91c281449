"""The content tree of the report: PS3.16 TID 1500 with one measurement group per target disease."""

from __future__ import annotations

from typing import TYPE_CHECKING

import highdicom.sr as hd
from pydicom.sr.coding import Code

from dicom_node import codes
from dicom_node.evidence import by_instance, pixel_geometry, text_of
from dicom_node.identity import report_uid_for
from domain import concepts
from domain.findings import DISCLAIMER, TARGETS, Label, Outcome, Presence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom.dataset import Dataset

    from dicom_node.identity import ReportDevice, ReportSettings
    from domain.film import StoredFilm
    from domain.findings import Findings

_CONTAINS = hd.RelationshipTypeValues.CONTAINS
_ACQUISITION = hd.RelationshipTypeValues.HAS_ACQ_CONTEXT

_SUPERSEDES = "This report takes the place of an earlier one about this study."

_NORMALITY = {
    Outcome.UNDETERMINED: codes.NORMALITY_UNDETERMINED,
    Outcome.COULD_NOT_PROCESS: codes.NORMALITY_UNDETERMINED,
}


def content_tree(
    findings: Findings,
    sources: Sequence[Dataset],
    *,
    device: ReportDevice,
    settings: ReportSettings,
    is_update: bool,
) -> hd.MeasurementReport:
    """Return the root container with observer, procedure, image library, a group per target and the evaluations."""
    root = hd.MeasurementReport(
        observation_context=hd.ObservationContext(observer_device_context=observer_of(device)),
        procedure_reported=codes.IMAGING_PROCEDURE,
        imaging_measurements=[_group(findings, target, device, settings) for target in TARGETS],
    )
    items = root[0].ContentSequence
    # TID 1500 has the library (row 5) before the measurements (row 6) and the evaluations (row 12) after them.
    items.insert(len(items) - 1, _image_library(findings, sources))
    items.append(_evaluations(findings, settings, is_update=is_update))
    return root


def observer_of(device: ReportDevice) -> hd.ObserverContext:
    """Name the device that speaks (TID 1004)."""
    attributes = hd.DeviceObserverIdentifyingAttributes(
        uid=device.uid,
        name=device.name,
        manufacturer_name=device.manufacturer,
        model_name=device.model_name,
        serial_number=device.serial_number,
    )
    return hd.ObserverContext(
        observer_type=hd.CodedConcept("121007", "DCM", "Device"), observer_identifying_attributes=attributes
    )


def _group(
    findings: Findings, target: Label, device: ReportDevice, settings: ReportSettings
) -> hd.MeasurementsAndQualitativeEvaluations:
    """Say one target's presence, with its certainty where the network gave one (TID 1501)."""
    tracking_uid = report_uid_for(findings, f"tracking {target}", root=settings.uid_root)
    film = findings.analysed
    return hd.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.TrackingIdentifier(uid=tracking_uid, identifier=f"{target} finding"),
        finding_type=codes.TARGET_FINDING[target],
        finding_sites=[hd.FindingSite(anatomic_location=codes.LUNG)],
        algorithm_id=_algorithm(findings, device),
        measurements=_certainty(findings, target),
        qualitative_evaluations=[
            hd.QualitativeEvaluation(name=codes.PRESENCE, value=codes.PRESENCE_VALUE[findings.presence(target)])
        ],
        source_images=None
        if film is None
        else [hd.SourceImageForMeasurementGroup(film.sop_class_uid, film.sop_instance_uid)],
    )


def _certainty(findings: Findings, target: Label) -> list[hd.Measurement]:
    """Return the score in percent; a film that was not processed has none, not a zero."""
    if findings.probabilities is None:
        return []
    percent = round(100.0 * findings.probabilities.of(target), 2)
    return [hd.Measurement(name=codes.CERTAINTY, value=percent, unit=codes.PERCENT)]


def _percent(share: float) -> str:
    return f"{100.0 * share:g} %"


def _algorithm(findings: Findings, device: ReportDevice) -> hd.AlgorithmIdentification:
    """Name the network down to its weights, and say what its numbers mean (TID 4019)."""
    return hd.AlgorithmIdentification(
        name=device.model_name,
        version=device.version,
        family=codes.ARTIFICIAL_INTELLIGENCE,
        manufacturer=device.manufacturer,
        parameters=[
            f"SHA-256 of the weights: {findings.model.sha256}",
            f"Classes: {', '.join(Label)}. The most probable one is named.",
            f"Undetermined where the highest certainty is below {_percent(findings.model.undetermined_below)}.",
            f"{Label.COVID19} is named from {_percent(findings.model.least_for(Label.COVID19))} on only.",
            "The certainty is the network's output, calibrated on its validation films; elsewhere it may be far off.",
        ],
    )


def _image_library(findings: Findings, sources: Sequence[Dataset]) -> hd.ContainerContentItem:
    """List every film that was looked at (TID 1600)."""
    by_uid = by_instance(sources)
    group = hd.ContainerContentItem(name=codes.IMAGE_LIBRARY_GROUP, relationship_type=_CONTAINS)
    group.ContentSequence = hd.ContentSequence(
        [_library_entry(film, by_uid.get(film.sop_instance_uid)) for film in findings.films]
    )
    library = hd.ContainerContentItem(name=codes.IMAGE_LIBRARY, relationship_type=_CONTAINS)
    library.ContentSequence = hd.ContentSequence([group])
    return library


def _library_entry(film: StoredFilm, source: Dataset | None) -> hd.ImageContentItem:
    """Reference one film and describe it as far as its header does (TID 1601 to 1603)."""
    entry = hd.ImageContentItem(
        name=codes.SOURCE_IMAGE,
        referenced_sop_class_uid=film.sop_class_uid,
        referenced_sop_instance_uid=film.sop_instance_uid,
        relationship_type=_CONTAINS,
    )
    descriptors = [] if source is None else list(_descriptors(source))
    if descriptors:
        entry.ContentSequence = hd.ContentSequence(descriptors)
    return entry


def _descriptors(source: Dataset) -> Iterator[hd.ContentItem]:
    """Yield what the header tells of modality, size, orientation and spacing; only the modality is a must."""
    modality = codes.MODALITY_VALUE.get(text_of(source, "Modality"), codes.MODALITY_VALUE["OT"])
    yield hd.CodeContentItem(name=codes.MODALITY, value=modality, relationship_type=_ACQUISITION)
    size, orientation, spacing = pixel_geometry(source)
    names = (codes.PIXEL_ROWS, codes.PIXEL_COLUMNS)
    for name, pixels in zip(names, size, strict=False):
        yield hd.NumContentItem(name=name, value=pixels, unit=codes.PIXELS, relationship_type=_ACQUISITION)
    names = (codes.ORIENTATION_ROW, codes.ORIENTATION_COLUMN)
    for name, direction in zip(names, orientation, strict=False):
        yield hd.TextContentItem(name=name, value=direction, relationship_type=_ACQUISITION)
    names = (codes.SPACING_HORIZONTAL, codes.SPACING_VERTICAL)
    for name, millimetres in zip(names, reversed(spacing), strict=False):
        yield hd.NumContentItem(name=name, value=millimetres, unit=codes.MILLIMETRE, relationship_type=_ACQUISITION)


def _evaluations(findings: Findings, settings: ReportSettings, *, is_update: bool) -> hd.ContainerContentItem:
    """Sum up the study: run status, normality, triage hint and words for the reader (TID 1500 row 12)."""
    container = hd.ContainerContentItem(name=codes.QUALITATIVE_EVALUATIONS, relationship_type=_CONTAINS)
    container.ContentSequence = hd.ContentSequence(
        [
            *(
                hd.CodeContentItem(name=name, value=value, relationship_type=_CONTAINS)
                for name, value in _coded_summary(findings, settings)
            ),
            *(
                hd.TextContentItem(name=codes.COMMENT, value=text, relationship_type=_CONTAINS)
                for text in (findings.summary, *([_SUPERSEDES] if is_update else []), DISCLAIMER)
            ),
        ]
    )
    return container


def _coded_summary(findings: Findings, settings: ReportSettings) -> Iterator[tuple[Code, Code]]:
    present = any(findings.presence(target) is Presence.PRESENT for target in TARGETS)
    without = codes.NORMAL if settings.normal_means_normal else codes.NORMALITY_UNDETERMINED
    yield codes.RUN_STATUS, Code(*concepts.run_status(findings))
    yield codes.NORMALITY, _NORMALITY.get(findings.outcome, codes.ABNORMAL if present else without)
    if findings.outcome is not Outcome.COULD_NOT_PROCESS and settings.triage_priority:
        # "Normal priority" leaves the study where it is in the list; a report never moves one down.
        yield codes.PRIORITY, codes.PRIORITY_HIGH if present else codes.PRIORITY_NORMAL
    if findings.unsuitable in codes.BAD_PIXELS:
        yield codes.IMAGE_QUALITY, codes.NON_DIAGNOSTIC
