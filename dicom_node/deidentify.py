"""Films without their patients: pseudonyms by a secret key, the same in each film of an export, and in the next one."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from io import BytesIO
from typing import IO, TYPE_CHECKING, Final

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite

from dicom_node.confidentiality import CHARACTERISTICS, is_text, treat
from dicom_node.contexts import RECEIVED_SOP_CLASSES
from dicom_node.films import read_dicom
from dicom_node.silence import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataelem import DataElement

_PSEUDONYM_CHARACTERS: Final = 12
_MOST_DAYS: Final = 3650
_UUID_BYTES: Final = 16
_SHORTEST_SECRET: Final = 3
"""Shorter parts of names are in too many other words."""
_PROFILE: Final = ("113100", "Basic Application Confidentiality Profile")
_DATES: Final = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_PATIENT: Final = ("113108", "Retain Patient Characteristics Option")
"""PS3.16 CID 7050."""


class LeftOut(StrEnum):
    """Why a file is not exported; the value is shown."""

    UNREADABLE = "no DICOM file"
    NO_FILM = "no CR or DX film"
    BURNED_IN = "something is written in the picture"
    DAMAGED = "it can't be written"


class NotExported(Exception):
    """A file is left out; it carries the reason."""

    def __init__(self, reason: LeftOut) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Film:
    """A film that names nobody."""

    content: bytes = field(repr=False)
    """A DICOM file."""
    patient: str
    """Pseudonym."""
    sop_instance_uid: str
    sex: str
    original_patient: str = field(repr=False)
    original_uid: str = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Deidentifier:
    """Applies the Basic Application Level Confidentiality Profile, with options (PS3.15 Annex E)."""

    key: bytes = field(repr=False)
    """Who has it can tell that a pseudonym is somebody's whom he knows; who has not can't."""
    shifts_dates: bool = False
    """Keep dates of the examination, all of a patient's moved back by the same number of days."""
    keeps_characteristics: bool = False
    """Keep sex, age, size and weight."""
    takes_burned_in: bool = False
    """Also films in whose picture something is written: the picture is never changed."""

    def film(self, file: IO[bytes]) -> Film:
        """Return a film without its patient.

        Raises:
            NotExported: it is none, or must be left out.
            OSError: the file can't be read.
        """
        with quiet():
            dataset = read_dicom(file, with_pixels=True)
            if dataset is None:
                raise NotExported(LeftOut.UNREADABLE)
            if dataset.get("SOPClassUID") not in RECEIVED_SOP_CLASSES or not dataset.get("SOPInstanceUID"):
                raise NotExported(LeftOut.NO_FILM)
            if dataset.get("BurnedInAnnotation") == "YES" and not self.takes_burned_in:
                raise NotExported(LeftOut.BURNED_IN)
            try:
                return self._made(dataset)
            except NotExported:
                raise
            except Exception as error:  # a header can be wrong in any way; its text may name the patient
                raise NotExported(LeftOut.DAMAGED) from error

    def uid(self, uid: str) -> str:
        """Return the new UID for one, under 2.25 (PS3.5 B.2)."""
        return f"2.25.{int.from_bytes(self._mac('uid', uid)[:_UUID_BYTES])}"

    def _made(self, dataset: Dataset) -> Film:
        identity = tuple(str(dataset.get(name) or "").strip() for name in ("IssuerOfPatientID", "PatientID"))
        person = identity if identity[1] else ("", "", str(dataset.SOPInstanceUID))
        patient = b32encode(self._mac("patient", *person)).decode()[:_PSEUDONYM_CHARACTERS]
        secrets, original = _secrets(dataset), str(dataset.SOPInstanceUID)
        shift = timedelta(days=-1 - int.from_bytes(self._mac("days", *person)) % _MOST_DAYS)
        treat(
            dataset,
            rename=self.uid,
            shift=shift if self.shifts_dates else None,
            kept=CHARACTERISTICS if self.keeps_characteristics else frozenset(),
        )
        _sweep(dataset, secrets)
        self._declare(dataset, patient)
        return Film(
            content=_written(dataset),
            patient=patient,
            sop_instance_uid=str(dataset.SOPInstanceUID),
            sex=str(dataset.get("PatientSex") or ""),
            original_patient=identity[1],
            original_uid=original,
        )

    def _declare(self, dataset: Dataset, patient: str) -> None:
        """Say who it is now, and what was done (PS3.3 C.7.1.1, C.12.1.1.7)."""
        dataset.PatientName, dataset.PatientID = patient, patient
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = "Hilum: PS3.15 Basic Profile; pixels are not changed"
        options = [_PROFILE] + [_DATES] * self.shifts_dates + [_PATIENT] * self.keeps_characteristics
        dataset.DeidentificationMethodCodeSequence = [_code(*one) for one in options]
        dataset.LongitudinalTemporalInformationModified = "MODIFIED" if self.shifts_dates else "REMOVED"

    def _mac(self, *parts: str) -> bytes:
        return hmac.new(self.key, "\0".join(parts).encode(), hashlib.sha256).digest()


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item


def _secrets(dataset: Dataset) -> frozenset[str]:
    """Return what of the patient must not stand in any other attribute."""
    names = str(dataset.get("PatientName") or "").replace("=", "^").replace(" ", "^").split("^")
    numbers = (str(dataset.get(name) or "") for name in ("PatientID", "AccessionNumber"))
    return frozenset(one.casefold() for one in (*names, *numbers) if len(one) >= _SHORTEST_SECRET)


def _sweep(dataset: Dataset, secrets: frozenset[str]) -> None:
    """Empty free text in which the patient is named, where the profile leaves it."""
    for element in _elements(dataset):
        if is_text(element.tag) and any(secret in str(element.value).casefold() for secret in secrets):
            element.value = None


def _elements(dataset: Dataset) -> Iterator[DataElement]:
    for element in dataset:
        yield element
        for item in element.value if element.VR == "SQ" else ():
            yield from _elements(item)


def _written(dataset: Dataset) -> bytes:
    """Return a file with a head of its own: the old one may name who sent it, and its preamble may hold anything."""
    syntax = dataset.file_meta.TransferSyntaxUID
    dataset.file_meta, dataset.preamble = FileMetaDataset(), None
    dataset.file_meta.TransferSyntaxUID = syntax
    content = BytesIO()
    dcmwrite(content, dataset, enforce_file_format=True)
    return content.getvalue()
