"""Files that people upload, made into films that are stored: with UIDs of their own, and without names if wished."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Final

import numpy as np
from PIL import Image, UnidentifiedImageError

from dicom_node.contexts import RECEIVED_SOP_CLASSES
from dicom_node.films import read_dicom, read_picture
from dicom_node.identity import uid_for
from dicom_node.pixels import MAX_PIXELS
from dicom_node.silence import quiet
from dicom_node.wrap import wrap_film
from domain.film import NotClassifiable, Unsuitable
from domain.uploads import BadUpload, Refusal, UploadKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from pydicom.dataset import Dataset

    from domain.film import GreyImage
    from domain.uploads import PictureView, Wish

REPLACED: Final = ("PatientName", "PatientID")
"""By the pseudonym."""
EMPTIED: Final = (
    "AccessionNumber",
    "PatientBirthDate",
    "ReferringPhysicianName",
    "StudyID",
)
"""An object may not lack these (PS3.3 C.7.1.1, C.7.2.1), but they may be empty."""
REMOVED: Final = (
    "AdditionalPatientHistory",
    "AdmissionID",
    "BranchOfService",
    "CountryOfResidence",
    "EthnicGroup",
    "InstitutionAddress",
    "InstitutionName",
    "InstitutionalDepartmentName",
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "MedicalRecordLocator",
    "MilitaryRank",
    "NameOfPhysiciansReadingStudy",
    "Occupation",
    "OperatorsName",
    "OriginalAttributesSequence",
    "OtherPatientIDs",
    "OtherPatientIDsSequence",
    "OtherPatientNames",
    "PatientAddress",
    "PatientBirthName",
    "PatientBirthTime",
    "PatientComments",
    "PatientInsurancePlanCodeSequence",
    "PatientMotherBirthName",
    "PatientReligiousPreference",
    "PatientTelephoneNumbers",
    "PerformingPhysicianName",
    "PhysiciansOfRecord",
    "ReferencedPatientSequence",
    "ReferencedStudySequence",
    "RegionOfResidence",
    "RequestAttributesSequence",
    "RequestingPhysician",
    "RequestingService",
    "ResponsibleOrganization",
    "ResponsiblePerson",
    "ServiceEpisodeID",
    "StationName",
)
"""Of patient, visit, order and the people around them."""

_ANYWHERE: Final = frozenset((*REPLACED, *EMPTIED, *REMOVED))
"""What items of sequences must not name either."""
_PICTURE_REFUSALS: Final = {
    Unsuitable.NO_CONTRAST: Refusal.NOTHING_TO_SEE,
    Unsuitable.TOO_SMALL: Refusal.NOTHING_TO_SEE,
}
_PIECE_BYTES: Final = 1024 * 1024
_UIDS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def film_of(file: IO[bytes], kind: UploadKind, wish: Wish, *, account: int, number: str) -> Dataset:
    """Return the film that is to be stored for a file.

    Args:
        file: at its beginning.
        kind: what its first bytes say.
        wish: what is to be done with it.
        account: whose it is; its UIDs are derived from this.
        number: in hexadecimal, never the same twice: for pictures, which have no identity.

    Raises:
        BadUpload: it is no film.
    """
    with quiet():
        if kind is UploadKind.DICOM:
            digest = _digest(file)
            return _own(_read(file), digest, wish, account)
        return _wrapped(_picture(file), _size(file), kind, wish.view, f"{account}.{number}")


def _digest(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    file.seek(0)
    return digest.hexdigest()


def _read(file: IO[bytes]) -> Dataset:
    dataset = read_dicom(file, with_pixels=True)
    if dataset is None:
        raise BadUpload(Refusal.DAMAGED)
    if dataset.get("SOPClassUID") not in RECEIVED_SOP_CLASSES:
        raise BadUpload(Refusal.NO_FILM)
    if not all(dataset.get(name) for name in _UIDS):
        raise BadUpload(Refusal.DAMAGED)
    return dataset


def _own(dataset: Dataset, digest: str, wish: Wish, account: int) -> Dataset:
    """Give a film UIDs of its account, the same each time, and take the names away if wished.

    The film's own UID comes from the digest of the file as well: two contents under one UID are two films.
    """
    space = f"{account} {wish.removes_names}"
    for name in _UIDS:
        setattr(dataset, name, uid_for("upload", space, str(dataset[name].value)))
    dataset.SOPInstanceUID = uid_for("upload", dataset.SOPInstanceUID, digest)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    if wish.removes_names:
        remove_names(dataset)
    return dataset


def remove_names(dataset: Dataset) -> None:
    """Replace the patient by a pseudonym made of the study's UID, and take away what else names people.

    This is no complete de-identification (PS3.15 Annex E): dates, free text and what is written in the picture stay.
    """
    pseudonym = _pseudonym(dataset.StudyInstanceUID)
    dataset.remove_private_tags()
    _remove(dataset, REMOVED)
    for name in EMPTIED:
        setattr(dataset, name, "")
    dataset.PatientName, dataset.PatientID = f"Upload^{pseudonym}", f"UPLOAD-{pseudonym}"


def _remove(dataset: Dataset, names: Collection[str]) -> None:
    for name in names:
        if name in dataset:
            delattr(dataset, name)
    for element in dataset:
        for item in element.value if element.VR == "SQ" else ():
            _remove(item, _ANYWHERE)


def _pseudonym(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:8].upper()


def _picture(file: IO[bytes]) -> GreyImage:
    try:
        with Image.open(file, formats=("JPEG", "PNG")) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise BadUpload(Refusal.TOO_MANY_PIXELS)
        file.seek(0)
        return read_picture(file)[1]
    except Image.DecompressionBombError as error:
        raise BadUpload(Refusal.TOO_MANY_PIXELS) from error
    except NotClassifiable as problem:
        raise BadUpload(_PICTURE_REFUSALS.get(problem.reason, Refusal.DAMAGED)) from problem
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise BadUpload(Refusal.DAMAGED) from error


def _wrapped(image: GreyImage, size_bytes: int, kind: UploadKind, view: PictureView, number: str) -> Dataset:
    """Return a picture as a film of nobody; nothing of its file but the pixels is in it."""
    is_jpeg = kind is UploadKind.JPEG
    bright = np.clip(image, 0.0, 1.0)
    study = uid_for("upload", number)
    pseudonym = _pseudonym(study)
    film = wrap_film(
        np.rint(bright * 255).astype(np.uint8) if is_jpeg else np.rint(bright * 65535).astype(np.uint16),
        patient_id=f"UPLOAD-{pseudonym}",
        patient_name=f"Upload^{pseudonym}",
        study_uid=study,
        sop_instance_uid=uid_for("upload film", number),
        view_position=view,
        taken=datetime.now(UTC).replace(tzinfo=None),
        jpeg_ratio=max(image.size / max(size_bytes, 1), 1.0) if is_jpeg else None,
    )
    film.ManufacturerModelName = "Uploaded picture"
    film.BurnedInAnnotation = "YES"  # nobody knows: it may have (PS3.3 C.7.6.1.1)
    return film


def _size(file: IO[bytes]) -> int:
    return file.seek(0, 2)
