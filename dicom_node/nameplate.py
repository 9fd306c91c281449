"""Whom a film is of, read from the first bytes of its data set: what worklists show."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dicom_node.character_sets import SPECIFIC_CHARACTER_SET, Decoder
from dicom_node.identifiers import NotADataSet
from domain.subject import StudyIdentity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PATIENT_NAME: Final = 0x00100010
_TEXTS: Final = {
    "patient_id": 0x00100020,
    "issuer_of_patient_id": 0x00100021,
    "patient_birth_date": 0x00100030,
    "patient_sex": 0x00100040,
    "accession_number": 0x00080050,
    "study_date": 0x00080020,
    "study_time": 0x00080030,
    "study_description": 0x00081030,
    "station_name": 0x00081010,
}
WANTED: Final = frozenset({SPECIFIC_CHARACTER_SET, _PATIENT_NAME, *_TEXTS.values()})


def identity_by(read: Callable[[], Mapping[int, bytes]]) -> StudyIdentity:
    """Return whom a film is of; a header that can't be read names nobody.

    Args:
        read: returns the values of `WANTED`, undecoded, by tag, or raises `NotADataSet`.
    """
    values: Mapping[int, bytes] = {}
    with suppress(NotADataSet):
        values = read()
    decoder = Decoder(values)
    texts = {name: decoder.text(values.get(tag, b"")) for name, tag in _TEXTS.items()}
    return StudyIdentity(patient_name=decoder.person_name(values.get(_PATIENT_NAME, b"")), **texts)
