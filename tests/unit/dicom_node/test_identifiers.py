"""The identifiers of a data set: what pydicom finds, and nothing worse than a refusal for any other bytes."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from dicom_node.identifiers import (
    MODALITY,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    NotADataSet,
    TooShort,
    identifiers,
)
from tests.mutations import nested, spoiled

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
DEFLATED, BIG_ENDIAN = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"


def header() -> Dataset:
    """Return a data set with everything that may come before the identifiers."""
    request, code = Dataset(), Dataset()
    code.CodeValue = "1"
    code.StudyInstanceUID = "9.9.9"
    request.ProcedureCodeSequence = Sequence([code, code])
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.Modality = "DX"
    dataset.ReferencedStudySequence = Sequence([request])
    dataset.add_new(0x00091010, "UN", b"\1\2\3\4")
    dataset.PatientName = "Doe^Jane"
    dataset.StudyInstanceUID = "1.2.3"
    dataset.SeriesInstanceUID = "1.2.3.9"
    dataset.Rows = 5
    return dataset


EXPECTED = {
    SOP_CLASS_UID: "1.2.840.10008.5.1.4.1.1.1.1",
    SOP_INSTANCE_UID: "1.2.3.4",
    MODALITY: "DX",
    STUDY_INSTANCE_UID: "1.2.3",
    SERIES_INSTANCE_UID: "1.2.3.9",
}


def encoded(dataset: Dataset, syntax: str, *, undefined: bool = False) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = syntax == IMPLICIT
    buffer.is_little_endian = syntax != BIG_ENDIAN
    if undefined:
        for element in dataset.iterall():
            if element.VR == "SQ":
                element.is_undefined_length = True
                for item in element.value:
                    item.is_undefined_length_sequence_item = True
    write_dataset(buffer, dataset)
    content = buffer.getvalue()
    if syntax == DEFLATED:
        press = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        content = press.compress(content) + press.flush()
    return content


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, DEFLATED, BIG_ENDIAN, JPEG])
def test_they_are_found_in_every_encoding(syntax: str, undefined: bool) -> None:  # noqa: FBT001 - a table
    """Sequences of defined and undefined length are passed over, whatever UIDs they hold."""
    assert identifiers(encoded(header(), syntax, undefined=undefined), syntax, whole=True) == EXPECTED


def test_a_data_set_in_another_encoding_than_agreed_is_read() -> None:
    """Some senders send implicit where explicit was agreed; pydicom reads that too."""
    assert identifiers(encoded(header(), IMPLICIT), EXPLICIT, whole=True) == EXPECTED


def test_more_bytes_are_asked_for() -> None:
    """Where the identifiers lie behind those at hand."""
    content = encoded(header(), EXPLICIT)
    with pytest.raises(TooShort):
        identifiers(content[:100], EXPLICIT, whole=False)
    with pytest.raises(NotADataSet):
        identifiers(content[:100], EXPLICIT, whole=True)


def test_a_bomb_is_not_inflated() -> None:
    """A deflated data set that promises a gigabyte yields some kilobytes."""
    press = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = press.compress(b"\x08\x00\x05\x00OB\0\0\xff\xff\xff\x7f" + bytes(10_000_000)) + press.flush()
    with pytest.raises((TooShort, NotADataSet)):
        identifiers(bomb, DEFLATED, whole=True)


@given(st.binary(max_size=300), st.sampled_from([EXPLICIT, IMPLICIT, DEFLATED, BIG_ENDIAN]), st.booleans())
def test_any_bytes_are_read_or_refused(content: bytes, syntax: str, whole: bool) -> None:  # noqa: FBT001 - generated
    """Nothing else is ever raised, and nothing hangs."""
    with suppress(NotADataSet, TooShort):
        identifiers(content, syntax, whole=whole)


@given(st.data())
def test_a_damaged_data_set_is_read_or_refused(data: st.DataObject) -> None:
    """Single bytes changed, the end cut off."""
    content = bytearray(encoded(header(), EXPLICIT, undefined=True))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(NotADataSet, TooShort):
        identifiers(bytes(content[: data.draw(st.integers(0, len(content)))]), EXPLICIT, whole=True)


@given(st.integers(0, 2**32), st.sampled_from([EXPLICIT, IMPLICIT, DEFLATED, BIG_ENDIAN]), st.booleans())
def test_a_spoiled_data_set_is_read_or_refused(seed: int, syntax: str, whole: bool) -> None:  # noqa: FBT001 - generated
    """In every encoding, with lengths that lie and pieces that moved."""
    with suppress(NotADataSet, *(() if whole else (TooShort,))):
        identifiers(spoiled(encoded(header(), syntax, undefined=bool(seed % 2)), seed), syntax, whole=whole)


@pytest.mark.parametrize("defined", [False, True])
@pytest.mark.parametrize("levels", [1, 10_000])
def test_however_deep_a_sequence_is_it_is_passed_over(levels: int, defined: bool) -> None:  # noqa: FBT001 - a table
    """The identifiers behind it are found; no call nests, no level costs memory that it does not give back."""
    content = encoded(header(), EXPLICIT)
    place = content.index(b"\x10\x00\x10\x00PN")
    deep = content[:place] + nested(levels, defined=defined, tag=(0x0009, 0x2000)) + content[place:]
    assert identifiers(deep, EXPLICIT, whole=True) == EXPECTED


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG_ENDIAN])
def test_a_sequence_without_an_end_is_refused(syntax: str) -> None:
    """Four megabytes of beginnings, as much as is ever looked at."""
    order = ">" if syntax == BIG_ENDIAN else "<"
    begin = struct.pack(f"{order}HHI", 8, 0x1110, 2**32 - 1)
    if syntax != IMPLICIT:
        begin = struct.pack(f"{order}HH2sHI", 8, 0x1110, b"SQ", 0, 2**32 - 1)
    item = struct.pack(f"{order}HHI", 0xFFFE, 0xE000, 2**32 - 1)
    with pytest.raises(NotADataSet):
        identifiers((begin + item) * (4 * 2**20 // len(begin + item)), syntax, whole=True)


def test_the_test_data_is_a_data_set() -> None:
    """Pydicom agrees with what the tests expect."""
    from pydicom import dcmread

    read = dcmread(BytesIO(encoded(header(), IMPLICIT)), force=True)
    assert (read.StudyInstanceUID, read.SeriesInstanceUID) == ("1.2.3", "1.2.3.9")
