"""The result as a secondary capture: a picture that every viewer shows (PS3.3 A.8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pydicom.uid
from highdicom.sc import SCImage
from pydicom.dataset import Dataset
from pydicom.valuerep import DA, TM

from dicom_node import codes
from dicom_node.authorship import character_set, coded_item, contribution, stamp
from dicom_node.evidence import by_instance, evidence_of, pixel_geometry, timezone_of
from dicom_node.identity import device_of, report_uid_for
from dicom_node.silence import quiet
from domain.findings import DISCLAIMER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dicom_node.identity import ReportDevice, ReportSettings
    from domain.film import Picture, StoredFilm
    from domain.findings import Findings

_SERIES_AFTER_REPORT = 1
_DERIVATION = "Film with the evidence of a neural network in colour and its result below. Not for diagnostic use."


def build_capture(
    findings: Findings,
    sources: Sequence[Dataset],
    picture: Picture,
    *,
    created: datetime,
    settings: ReportSettings,
    is_resized: bool,
) -> Dataset:
    """Return the picture as a new series of the study; the same arguments give the same bytes.

    Args:
        findings: What is shown; they name the analysed film.
        sources: Headers of the films that could be read.
        picture: (rows, columns, 3), uint8; no patient's data is written into it.
        created: When the findings were made; aware of its time zone.
        settings: What the site decides.
        is_resized: Whether the film's pixels in it are not those of the film.

    Raises:
        ValueError: the findings name no analysed film.
    """
    film = findings.analysed
    if film is None:
        raise ValueError("a picture shows an analysed film")
    with quiet():
        header = evidence_of(findings, sources)[0]
        zone = timezone_of(sources)
        moment = created.astimezone(zone)
        device = device_of(findings.model, settings)
        own = by_instance(sources).get(film.sop_instance_uid, Dataset())
        _, orientation, _ = pixel_geometry(own)
        capture = SCImage.from_ref_dataset(
            header,
            picture,
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            series_instance_uid=report_uid_for(findings, "capture series", root=settings.uid_root),
            series_number=settings.series_number + _SERIES_AFTER_REPORT,
            sop_instance_uid=report_uid_for(findings, "capture", root=settings.uid_root),
            instance_number=1,
            manufacturer=device.manufacturer,
            patient_orientation=("L", "F"),
            contributing_equipment=[contribution(device, moment)],
            transfer_syntax_uid=pydicom.uid.ExplicitVRLittleEndian,
        )
        capture.copy_patient_and_study_information(header)
        capture.PatientOrientation = orientation  # empty where the film does not say
        capture.SpecificCharacterSet = character_set(header)
        capture.update(_description(device, is_resized=is_resized))
        capture.SourceImageSequence = [_source(film, is_resized=is_resized)]
        capture.SeriesDate = capture.ContentDate = DA(moment.date())
        capture.SeriesTime = capture.ContentTime = TM(moment.time())
        capture.DateOfSecondaryCapture, capture.TimeOfSecondaryCapture = capture.ContentDate, capture.ContentTime
        stamp(capture, moment, with_zone=zone is not None)
    return capture


def _source(film: StoredFilm, *, is_resized: bool) -> Dataset:
    """Name the film that the picture was made of (PS3.3 C.7.6.1.1.4)."""
    source = Dataset()
    source.ReferencedSOPClassUID = film.sop_class_uid
    source.ReferencedSOPInstanceUID = film.sop_instance_uid
    source.PurposeOfReferenceCodeSequence = [coded_item(codes.SOURCE_IMAGE_FOR_PROCESSING)]
    source.SpatialLocationsPreserved = "NO" if is_resized else "YES"
    return source


def _description(device: ReportDevice, *, is_resized: bool) -> Dataset:
    """Say what the picture is, and that nobody is named in it (PS3.3 C.7.6.1, C.8.6.1)."""
    description = Dataset()
    description.ImageType = ["DERIVED", "SECONDARY"]
    description.ConversionType = "WSD"
    description.BodyPartExamined = "CHEST"
    description.BurnedInAnnotation = "NO"
    description.RecognizableVisualFeatures = "NO"
    description.LossyImageCompression = "00"
    description.SeriesDescription = "AI heat map (not for diagnosis)"
    description.DerivationDescription = f"{_DERIVATION} {device.model_name} {device.version}"
    ways = (codes.PIXEL_ADDITION, codes.RESAMPLING) if is_resized else (codes.PIXEL_ADDITION,)
    description.DerivationCodeSequence = [coded_item(way) for way in ways]
    description.ImageComments = DISCLAIMER
    return description
