"""Finds short values in the first bytes of a data set without decoding it (PS3.5 Section 7).

The node needs five identifiers of every instance, all of them before the pixels. Reading them here costs some tens of
microseconds; a full parser costs more than writing the film does. Nothing is changed, nothing is kept.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Final

SOP_CLASS_UID: Final = 0x00080016
SOP_INSTANCE_UID: Final = 0x00080018
MODALITY: Final = 0x00080060
STUDY_INSTANCE_UID: Final = 0x0020000D
SERIES_INSTANCE_UID: Final = 0x0020000E
WANTED: Final = frozenset({SOP_CLASS_UID, SOP_INSTANCE_UID, MODALITY, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID})

IMPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"

_LONGEST_IDENTIFIER = 64
"""Characters of a UID (PS3.5 Section 6.2), the longest of the identifiers."""
_LONGEST_VALUE = 1024
"""Bytes of a text of 64 characters in whatever character set, and as much again."""
_LEAST_INFLATED = 1024 * 1024
_UNDEFINED = 0xFFFFFFFF
_PIXEL_DATA = 0x7FE00010
_ITEM_END, _SEQUENCE_END = 0xFFFEE00D, 0xFFFEE0DD
LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
"""Value representations with a length of four bytes behind two reserved ones (PS3.5 Section 7.1.2)."""


class NotADataSet(ValueError):
    """The bytes are no data set of the transfer syntax."""


class TooShort(Exception):
    """The data set goes on behind the bytes at hand, and not every identifier was among them."""


@dataclass(frozen=True, slots=True)
class _Encoding:
    explicit: bool
    order: str
    """`<` or `>`, as `struct` has it."""


def identifiers(start: bytes | bytearray, transfer_syntax: str, *, whole: bool) -> dict[int, str]:
    """Return the identifiers by tag; those that the data set lacks are left out.

    Args:
        start: the first bytes of the data set, without preamble and file meta information.
        transfer_syntax: its UID; every compressed one is explicit little endian.
        whole: nothing follows `start`.

    Raises:
        NotADataSet: the bytes can't be parsed.
        TooShort: more bytes are needed; never where `whole` is true.
    """
    found = short_values(start, transfer_syntax, WANTED, whole=whole)
    if any(len(value) > _LONGEST_IDENTIFIER for value in found.values()):
        raise NotADataSet("an identifier is too long")
    return {tag: value.decode("ascii", "replace").strip(" \0") for tag, value in found.items()}


def short_values(
    start: bytes | bytearray, transfer_syntax: str, wanted: frozenset[int], *, whole: bool
) -> dict[int, bytes]:
    """Return the wanted values of the data set's top level by tag, undecoded; the rest is as for `identifiers`."""
    data: bytes | bytearray = start
    if transfer_syntax == DEFLATED:
        data, whole = _inflated(start, whole=whole)
    order = ">" if transfer_syntax == EXPLICIT_BIG_ENDIAN else "<"
    explicit = _is_explicit(data) if len(data) >= 6 else transfer_syntax != IMPLICIT_LITTLE_ENDIAN  # noqa: PLR2004
    try:
        return _scan(data, _Encoding(explicit, order), wanted)
    except (struct.error, IndexError) as error:
        if whole:
            raise NotADataSet("the data set ends within an element") from error
        raise TooShort from error


def has_encapsulated_pixels(start: bytes, transfer_syntax: str) -> bool:
    """Whether the pixel data is compressed, whatever the transfer syntax promises (PS3.5 Section A.4).

    Args:
        start: the first bytes of the data set, without preamble and file meta information.
        transfer_syntax: the UID of an uncompressed one.

    Raises:
        NotADataSet: the bytes can't be parsed.
        TooShort: the pixel data begins behind the bytes at hand.
    """
    order = ">" if transfer_syntax == EXPLICIT_BIG_ENDIAN else "<"
    encoding = _Encoding(_is_explicit(start), order)
    position, last = 0, -1
    try:
        while last < _PIXEL_DATA:
            tag, vr, length, position = _element(start, position, encoding)
            if tag <= last:
                raise NotADataSet("the elements are not in order")
            last = tag
            if length == _UNDEFINED and tag != _PIXEL_DATA:
                position = _behind_sequence(start, position, _inside(vr, encoding))
            else:
                position += length
    except (struct.error, IndexError) as error:
        raise TooShort from error
    return last == _PIXEL_DATA and length == _UNDEFINED


def _inflated(start: bytes | bytearray, *, whole: bool) -> tuple[bytes, bool]:
    """Inflate no more than some times the given bytes, whatever the stream promises (PS3.5 A.5)."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        return stream.decompress(bytes(start), max(4 * len(start), _LEAST_INFLATED)), whole
    except zlib.error as error:
        raise NotADataSet("the data set can't be inflated") from error


def _is_explicit(data: bytes | bytearray) -> bool:
    """Whether the first element has a VR, whatever was agreed: some senders do otherwise."""
    vr = bytes(data[4:6])
    return vr.isalpha() and vr.isupper() and vr.isascii()


def _scan(data: bytes | bytearray, encoding: _Encoding, wanted: frozenset[int]) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position, last, behind = 0, -1, max(wanted)
    while position < len(data):
        tag, vr, length, position = _element(data, position, encoding)
        if tag <= last:
            raise NotADataSet("the elements are not in order")
        last = tag
        if tag > behind:
            break
        if length == _UNDEFINED:
            position = _behind_sequence(data, position, _inside(vr, encoding))
            continue
        if tag in wanted:
            found[tag] = _value(data, position, length)
        position += length
    if position > len(data):
        raise IndexError
    return found


def _inside(vr: bytes, encoding: _Encoding) -> _Encoding:
    """Return how a sequence of undefined length is encoded within (PS3.5 Section 6.2.2, note 2)."""
    return _Encoding(explicit=False, order="<") if vr == b"UN" else encoding


def _behind_sequence(data: bytes | bytearray, position: int, encoding: _Encoding) -> int:
    """Return where a sequence of undefined length ends (PS3.5 Section 7.5.2); however deep it is, no call nests."""
    enclosing = [encoding]
    while enclosing:
        tag, vr, length, position = _element(data, position, encoding)
        if tag in (_ITEM_END, _SEQUENCE_END):
            encoding = enclosing.pop()
        elif length == _UNDEFINED:
            enclosing.append(encoding)
            if vr == b"UN":
                encoding = _Encoding(explicit=False, order="<")
        else:
            position += length
    return position


def _element(data: bytes | bytearray, position: int, encoding: _Encoding) -> tuple[int, bytes, int, int]:
    """Return tag, VR (empty where there is none), length and the place of the value."""
    group, element = struct.unpack_from(encoding.order + "HH", data, position)
    tag = group << 16 | element
    if group == 0xFFFE or not encoding.explicit:  # noqa: PLR2004 - items and delimiters never have a VR
        (length,) = struct.unpack_from(encoding.order + "I", data, position + 4)
        return tag, b"", length, position + 8
    vr = bytes(data[position + 4 : position + 6])
    if vr in LONG_VRS:
        (length,) = struct.unpack_from(encoding.order + "I", data, position + 8)
        return tag, vr, length, position + 12
    if len(vr) == 2 and not (vr.isalpha() and vr.isupper()):  # noqa: PLR2004
        raise NotADataSet("an element has no value representation")
    (length,) = struct.unpack_from(encoding.order + "H", data, position + 6)
    return tag, vr, length, position + 8


def _value(data: bytes | bytearray, position: int, length: int) -> bytes:
    if length > _LONGEST_VALUE:
        raise NotADataSet("a short value is too long")
    if position + length > len(data):
        raise IndexError
    return bytes(data[position : position + length])
