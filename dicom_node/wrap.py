"""A plain picture made into a chest film as a digital X-ray unit would send it, for demonstrations and tests."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian

from dicom_node.identity import uid_for

if TYPE_CHECKING:
    import numpy.typing as npt

_DEFAULT_SPACING_MM = 0.2
_DEFAULT_TIME = datetime(2026, 1, 2, 9, 30)  # noqa: DTZ001 - a film's date and time carry no zone


def wrap_film(  # noqa: PLR0913 - each is one attribute of the film, all but three with a default
    image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16],
    *,
    patient_id: str,
    patient_name: str,
    study_uid: str | None = None,
    series_uid: str | None = None,
    sop_instance_uid: str | None = None,
    accession_number: str = "",
    view_position: str = "PA",
    patient_sex: str = "",
    patient_birth_date: str = "",
    taken: datetime = _DEFAULT_TIME,
    spacing_mm: float = _DEFAULT_SPACING_MM,
    jpeg_ratio: float | None = None,
) -> Dataset:
    """Return a Digital X-Ray Image, For Presentation, in Explicit VR Little Endian: same arguments, same bytes.

    Args:
        image: (rows, columns), uint8 or uint16, 0 = black.
        patient_id: Patient ID.
        patient_name: Patient's Name, as Family^Given.
        study_uid: Study Instance UID; None derives one from patient and accession number.
        series_uid: Series Instance UID; None derives one from the study and the view.
        sop_instance_uid: SOP Instance UID; None derives one from the series and the pixels.
        accession_number: Accession Number.
        view_position: View Position: PA, AP, LL, RL.
        patient_sex: M, F, O or nothing.
        patient_birth_date: YYYYMMDD or nothing.
        taken: When the film was taken, local time.
        spacing_mm: Distance of the centres of neighbouring pixels, in mm.
        jpeg_ratio: Compression ratio, if the picture was a lossy JPEG before; None: it was not.

    Raises:
        ValueError: the picture is not a 2-D array of uint8 or uint16.

    """
    if image.ndim != 2 or image.dtype not in (np.uint8, np.uint16):  # noqa: PLR2004 - rows and columns
        raise ValueError("a film is a 2-D array of uint8 or uint16")
    study = study_uid or uid_for("study", patient_id, accession_number)
    series = series_uid or uid_for("series", study, view_position)
    film = _film(sop_instance_uid or uid_for("film", series, f"{image.shape} {image.dtype}", image.tobytes().hex()))
    film.StudyInstanceUID, film.SeriesInstanceUID = study, series
    film.PatientID, film.PatientName = patient_id, patient_name
    film.PatientSex, film.PatientBirthDate = patient_sex, patient_birth_date
    film.AccessionNumber = accession_number
    _set_times(film, taken)
    _set_projection(film, view_position)
    _set_pixels(film, image, spacing_mm, jpeg_ratio)
    return film


def _film(sop_instance_uid: str) -> Dataset:
    """Return what all such films have in common (PS3.3 A.26)."""
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.file_meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    film.file_meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    film.SpecificCharacterSet = "ISO_IR 192"
    film.SOPClassUID = DigitalXRayImageStorageForPresentation
    film.SOPInstanceUID = sop_instance_uid
    film.Modality = "DX"
    film.PresentationIntentType = "FOR PRESENTATION"
    film.ImageType = ["ORIGINAL", "PRIMARY", ""]
    film.Manufacturer = "Hilum"
    film.ManufacturerModelName = "Demonstration film"
    film.ReferringPhysicianName, film.StudyID = "", "1"
    film.StudyDescription = "Chest X-ray"
    film.SeriesNumber = film.InstanceNumber = film.AcquisitionNumber = 1
    film.BodyPartExamined = "CHEST"
    film.AnatomicRegionSequence = [_code("816094009", "Chest")]
    film.ImageLaterality = "U"
    film.DetectorType = film.PositionerType = ""
    film.BurnedInAnnotation = "NO"
    film.AcquisitionContextSequence = []
    return film


def _set_times(film: Dataset, taken: datetime) -> None:
    date, time = taken.strftime("%Y%m%d"), taken.strftime("%H%M%S")
    film.StudyDate = film.SeriesDate = film.AcquisitionDate = film.ContentDate = film.InstanceCreationDate = date
    film.StudyTime = film.SeriesTime = film.AcquisitionTime = film.ContentTime = film.InstanceCreationTime = time


def _set_projection(film: Dataset, view_position: str) -> None:
    views = {
        "PA": ("272479007", "postero-anterior"),
        "AP": ("399348003", "antero-posterior"),
        "LL": ("399173006", "left lateral"),
        "RL": ("399198007", "right lateral"),
    }
    film.ViewPosition = view_position
    film.SeriesDescription = f"Chest {view_position}"
    film.ViewCodeSequence = [_code(*views[view_position])] if view_position in views else []
    for view in film.ViewCodeSequence:
        view.ViewModifierCodeSequence = []
    film.PatientOrientation = ["A", "F"] if view_position in {"LL", "RL"} else ["L", "F"]


def _set_pixels(film: Dataset, image: npt.NDArray[Any], spacing_mm: float, jpeg_ratio: float | None) -> None:
    bits = image.dtype.itemsize * 8
    film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
    film.Rows, film.Columns = image.shape
    film.BitsAllocated, film.BitsStored, film.HighBit, film.PixelRepresentation = bits, bits, bits - 1, 0
    film.ImagerPixelSpacing = [spacing_mm, spacing_mm]
    film.PixelIntensityRelationship, film.PixelIntensityRelationshipSign = "LOG", -1
    film.RescaleIntercept, film.RescaleSlope, film.RescaleType = 0, 1, "US"
    film.PresentationLUTShape = "IDENTITY"
    film.WindowCenter, film.WindowWidth = 2 ** (bits - 1), 2**bits
    film.WindowCenterWidthExplanation = "NORMAL"
    film.LossyImageCompression = "00" if jpeg_ratio is None else "01"
    if jpeg_ratio is not None:
        film.LossyImageCompressionRatio = round(jpeg_ratio, 1)
        film.LossyImageCompressionMethod = "ISO_10918_1"
    pixels = image.astype(image.dtype.newbyteorder("<")).tobytes()
    film.PixelData = pixels + b"\x00" * (len(pixels) % 2)
    film["PixelData"].VR = "OB" if bits == 8 else "OW"  # noqa: PLR2004 - PS3.5 8.1.2


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "SCT", meaning
    return item
