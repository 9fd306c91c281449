"""Where the data set of a file begins, and in which transfer syntax: also of files that others wrote (PS3.10 7.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from dicom_node.identifiers import (
    EXPLICIT_BIG_ENDIAN,
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT_LITTLE_ENDIAN,
    LONG_VRS,
    SOP_CLASS_UID,
    NotADataSet,
    TooShort,
    has_encapsulated_pixels,
    identifiers,
)

_PREAMBLE_BYTES: Final = 128
_PREFIX: Final = b"DICM"
_META_GROUP: Final = 0x0002
_META_GROUP_START: Final = b"\x02\x00"
_META_VRS: Final = frozenset({b"UL", b"OB", b"UI"})
"""Of the elements that file meta information may begin with where it lost its preamble, or its group length too."""
_MEDIA_STORAGE_SOP_CLASS_UID: Final = 0x0002
_TRANSFER_SYNTAX_UID: Final = 0x0010


class NotDicom(ValueError):
    """The file is none of DICOM."""


class NotUnderstood(ValueError):
    """The file is one of DICOM, but its data set can't be found or its encoding is not told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSetPlace:
    """Where a data set begins in its file, and how it is encoded."""

    offset: int
    transfer_syntax_uid: str
    media_sop_class_uid: str = ""
    """What the file meta information says of the SOP class; empty where it says nothing."""
    is_marked: bool = True
    """The file says itself that it is one of DICOM."""


def data_set_place(start: bytes, *, whole: bool) -> DataSetPlace:
    """Find the data set in a file of which these are the first bytes, or all that are looked at.

    Files without preamble, and data sets without file meta information, are found too. The transfer syntax of the
    latter is told by the first element, unless the pixels are compressed: then only file meta information would tell.

    Raises:
        NotDicom: the file is none of DICOM.
        NotUnderstood: it is, but the data set can't be found or its transfer syntax is not told.
        TooShort: more bytes are needed; never where `whole` is true.
    """
    try:
        return _place(start)
    except TooShort as error:
        if not whole:
            raise
        if _is_bare(start) and not _names_its_class(start):
            raise NotDicom("only its first bytes look like a data set") from error
        raise NotUnderstood("the file is cut, or its pixels come too late") from error


def _place(start: bytes) -> DataSetPlace:
    if start[_PREAMBLE_BYTES : _PREAMBLE_BYTES + len(_PREFIX)] == _PREFIX:
        return _behind_meta(start, _PREAMBLE_BYTES + len(_PREFIX))
    if _begins_with_meta(start):
        return _behind_meta(start, 0)
    return _bare(start)


def _behind_meta(start: bytes, position: int) -> DataSetPlace:
    """Go through the file meta information, which is Explicit VR Little Endian; its group length may be wrong."""
    values: dict[int, bytes] = {}
    try:
        while position < len(start):
            (group, element, vr, length) = struct.unpack_from("<HH2sH", start, position)
            if group != _META_GROUP:
                break
            position += 8
            if vr in LONG_VRS:
                (length,) = struct.unpack_from("<I", start, position)
                position += 4
            values[element] = start[position : position + length]
            position += length
    except struct.error as error:
        raise TooShort from error
    transfer_syntax = _text(values.get(_TRANSFER_SYNTAX_UID, b""))
    if position > len(start):
        raise TooShort
    if not transfer_syntax:
        raise NotUnderstood("the file does not tell its transfer syntax")
    sop_class = _text(values.get(_MEDIA_STORAGE_SOP_CLASS_UID, b""))
    return DataSetPlace(offset=position, transfer_syntax_uid=transfer_syntax, media_sop_class_uid=sop_class)


def _bare(start: bytes) -> DataSetPlace:
    transfer_syntax = _told_by_first_element(start)
    if transfer_syntax is None:
        raise NotDicom("neither prefix nor data set")
    try:
        compressed = has_encapsulated_pixels(start, transfer_syntax)
    except NotADataSet as error:
        raise NotDicom("no data set") from error
    if compressed:
        raise NotUnderstood("compressed pixels without file meta information")
    return DataSetPlace(offset=0, transfer_syntax_uid=transfer_syntax, is_marked=False)


def _told_by_first_element(start: bytes) -> str | None:
    """Tell the encoding by the first element, which is one of group 0008 in every film."""
    is_explicit = start[4:6].isalpha() and start[4:6].isupper()
    if start[:2] == b"\x08\x00":
        return EXPLICIT_LITTLE_ENDIAN if is_explicit else IMPLICIT_LITTLE_ENDIAN
    return EXPLICIT_BIG_ENDIAN if start[:2] == b"\x00\x08" and is_explicit else None


def _begins_with_meta(start: bytes) -> bool:
    return start.startswith(_META_GROUP_START) and start[4:6] in _META_VRS


def _is_bare(start: bytes) -> bool:
    return start[_PREAMBLE_BYTES : _PREAMBLE_BYTES + len(_PREFIX)] != _PREFIX and not _begins_with_meta(start)


def _names_its_class(start: bytes) -> bool:
    """Whether a data set without anything before it has a SOP class in the bytes at hand."""
    try:
        return SOP_CLASS_UID in identifiers(start, _told_by_first_element(start) or "", whole=True)
    except NotADataSet:
        return False


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace").strip(" \0")
