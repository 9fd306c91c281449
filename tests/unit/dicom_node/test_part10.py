"""Heads of files: read as the node writes them, and nothing else taken for one."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_node.part10 import Head, NotPart10, file_head, read_head
from tests.mutations import spoiled

EXPLICIT = "1.2.840.10008.1.2.1"


def head(source: str = "XRAY1") -> bytes:
    return file_head(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.1.1",
        sop_instance_uid="1.2.3.4",
        transfer_syntax_uid=EXPLICIT,
        source=source,
    )


@pytest.mark.parametrize("source", ["", "A", "XRAY1", "SIXTEEN CHARS AE"])
def test_what_is_written_is_read(source: str) -> None:
    """And the file stands at the beginning of the data set."""
    file = BytesIO(head(source) + b"data set")
    assert read_head(file) == Head(transfer_syntax_uid=EXPLICIT, source=source)
    assert file.read() == b"data set"


def test_pydicom_reads_it_too() -> None:
    """A file is for everybody (PS3.10 Section 7.1)."""
    meta = pydicom.dcmread(BytesIO(head())).file_meta
    assert (meta.TransferSyntaxUID, meta.SourceApplicationEntityTitle) == (EXPLICIT, "XRAY1")
    assert meta.MediaStorageSOPInstanceUID == "1.2.3.4"


@pytest.mark.parametrize("length", [0, 100, 132, 144, 200])
def test_a_head_that_is_cut_is_none(length: int) -> None:
    """Wherever the cut is."""
    with pytest.raises(NotPart10):
        read_head(BytesIO(head()[:length]))


def test_a_head_without_a_transfer_syntax_is_none() -> None:
    """The data set could not be read without it."""
    with pytest.raises(NotPart10):
        read_head(BytesIO(head().replace(b"\x02\x00\x10\x00UI", b"\x02\x00\x11\x00UI")))


def test_a_head_that_says_it_is_long_is_none() -> None:
    """It is not read to find out."""
    place = head().index(b"UL\x04\x00") + 4
    with pytest.raises(NotPart10):
        read_head(BytesIO(head()[:place] + b"\xff\xff\xff\xff" + head()[place + 4 :] + bytes(200_000)))


@given(st.integers(0, 2**32))
def test_a_spoiled_head_is_read_or_refused(seed: int) -> None:
    """Nothing else is ever raised."""
    with suppress(NotPart10):
        read_head(BytesIO(spoiled(head(), seed)))


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(content: bytes, prefixed: bool) -> None:  # noqa: FBT001 - generated
    """With and without the prefix before them."""
    with suppress(NotPart10):
        read_head(BytesIO(head()[:132] + content if prefixed else content))
