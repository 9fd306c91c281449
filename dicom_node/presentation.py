"""The result as a presentation state: words over the film, in viewers that apply such states (PS3.3 A.33.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom import PresentationLUTShapeValues, PresentationLUTTransformation
from highdicom.pr import (
    AnnotationUnitsValues,
    GraphicAnnotation,
    GraphicLayer,
    GrayscaleSoftcopyPresentationState,
    TextJustificationValues,
    TextObject,
)
from pydicom.dataset import Dataset
from pydicom.valuerep import DA, TM

from dicom_node.authorship import character_set, contribution, institution, stamp
from dicom_node.evidence import by_instance, evidence_of, pixel_geometry, timezone_of
from dicom_node.identity import device_of, report_uid_for
from dicom_node.silence import quiet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dicom_node.identity import ReportSettings
    from domain.film import StoredFilm
    from domain.findings import Findings

_SERIES_AFTER_REPORT = 2
_LABEL = "AI_RESULT"
_NOTICE = "NOT FOR DIAGNOSTIC USE"
_BOX = (0.02, 0.9, 0.98, 0.98)
"""Left, top, right and bottom of the text, as fractions of the film."""
_AS_DISPLAYED = (
    # What makes the film look as it does: a presentation state takes the place of these (PS3.4 N.2).
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
    "VOILUTFunction",
    "VOILUTSequence",
    "PhotometricInterpretation",
    "PresentationLUTShape",
    "BitsStored",
    "BitsAllocated",
    "PixelRepresentation",
)


def build_presentation(
    findings: Findings, sources: Sequence[Dataset], *, created: datetime, settings: ReportSettings
) -> Dataset:
    """Return a state that shows the analysed film as before, with the result below it; same arguments, same bytes.

    Args:
        findings: What is shown; they name the analysed film.
        sources: Headers of the films that could be read.
        created: When the findings were made; aware of its time zone.
        settings: What the site decides.

    Raises:
        ValueError: no film was analysed, or its header does not say what a state needs.
    """
    film = findings.analysed
    if film is None:
        raise ValueError("a presentation state shows an analysed film")
    with quiet():
        zone = timezone_of(sources)
        moment = created.astimezone(zone)
        device = device_of(findings.model, settings)
        header = _displayed(findings, film, sources)
        layer = GraphicLayer(layer_name=_LABEL, order=1, description="Result of a neural network")
        state = GrayscaleSoftcopyPresentationState(
            [header],
            series_instance_uid=report_uid_for(findings, "presentation series", root=settings.uid_root),
            series_number=settings.series_number + _SERIES_AFTER_REPORT,
            sop_instance_uid=report_uid_for(findings, "presentation", root=settings.uid_root),
            instance_number=1,
            manufacturer=device.manufacturer,
            manufacturer_model_name=device.model_name,
            software_versions=device.version,
            device_serial_number=device.serial_number,
            content_label=_LABEL,
            content_description="Result of a neural network, not for diagnosis",
            graphic_layers=[layer],
            graphic_annotations=[GraphicAnnotation([header], layer, text_objects=[_text(findings)])],
            presentation_lut_transformation=_shape(header),
            institution_name=institution(header),
            contributing_equipment=[contribution(device, moment)],
        )
        state.SpecificCharacterSet = character_set(header)
        state.SeriesDescription = "AI result over the film (not for diagnosis)"
        state.BodyPartExamined = "CHEST"
        state.PresentationCreationDate = state.SeriesDate = DA(moment.date())
        state.PresentationCreationTime = state.SeriesTime = TM(moment.time())
        stamp(state, moment, with_zone=zone is not None)
    return state


def _text(findings: Findings) -> TextObject:
    left, top, right, bottom = _BOX
    return TextObject(
        f"{findings.summary}\r\n{_NOTICE}",
        AnnotationUnitsValues.DISPLAY,
        bounding_box=(left, top, right, bottom),
        text_justification=TextJustificationValues.LEFT,
    )


def _shape(header: Dataset) -> PresentationLUTTransformation:
    """Show small values white where the film says so: a state takes the place of that word of it (PS3.4 N.2.1.3)."""
    is_inverse = header.get("PhotometricInterpretation") == "MONOCHROME1"
    return PresentationLUTTransformation(
        presentation_lut_shape=PresentationLUTShapeValues.INVERSE if is_inverse else PresentationLUTShapeValues.IDENTITY
    )


def _displayed(findings: Findings, film: StoredFilm, sources: Sequence[Dataset]) -> Dataset:
    """Return what a state needs to know of the film: who and which, its size, and how it is displayed."""
    header = evidence_of(findings, sources)[0]
    own = by_instance(sources).get(film.sop_instance_uid, Dataset())
    size, _, _ = pixel_geometry(own)
    if not size:
        raise ValueError("the film's header does not say how many rows and columns there are")
    header.Rows, header.Columns = size
    header.SamplesPerPixel = 1
    for keyword in _AS_DISPLAYED:
        if keyword in own:
            header[keyword] = own[keyword]
    return header
