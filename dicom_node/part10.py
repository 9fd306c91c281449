"""The head of a DICOM file: preamble and file meta information (PS3.10 Section 7.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import IO

from pydicom import __version__ as pydicom_version
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID

_PREAMBLE = b"\0" * 128 + b"DICM"
_VERSION_NAME = f"PYDICOM {pydicom_version}"[:16]
_TRANSFER_SYNTAX_UID = 0x0010
_SOURCE_AE_TITLE = 0x0016
_LONGEST_HEAD = 64 * 1024


class NotPart10(ValueError):
    """The file does not begin as the node writes it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What the node reads of the head of its own files."""

    transfer_syntax_uid: str
    source: str
    """AE title of the sender."""


def file_head(*, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str, source: str) -> bytes:
    """Return what stands before the data set in a file.

    Args:
        sop_class_uid: of the data set, as are the next two.
        sop_instance_uid: see above.
        transfer_syntax_uid: see above.
        source: the AE title of the sender, for Source Application Entity Title (0002,0016).
    """
    elements = b"".join(
        (
            struct.pack("<HH2sHI", 0x0002, 0x0001, b"OB", 0, 2) + b"\0\1",
            _element(0x0002, b"UI", sop_class_uid),
            _element(0x0003, b"UI", sop_instance_uid),
            _element(0x0010, b"UI", transfer_syntax_uid),
            _element(0x0012, b"UI", PYDICOM_IMPLEMENTATION_UID),
            _element(0x0013, b"SH", _VERSION_NAME),
            _element(0x0016, b"AE", source),
        )
    )
    return _PREAMBLE + struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(elements)) + elements


def read_head(file: IO[bytes]) -> Head:
    """Read the head of a file that the node wrote, and leave the file at the beginning of the data set.

    Raises:
        NotPart10: it has none.
        OSError: the file can't be read.
    """
    start = file.read(len(_PREAMBLE) + 12)
    try:
        if start[128:132] != b"DICM":
            raise NotPart10("no prefix")
        group, element, _, _, length = struct.unpack_from("<HH2sHI", start, len(_PREAMBLE))
        if (group, element) != (0x0002, 0x0000) or length > _LONGEST_HEAD:
            raise NotPart10("no group length")
        values = _elements(file.read(length))
        return Head(
            transfer_syntax_uid=values[_TRANSFER_SYNTAX_UID],
            source=values.get(_SOURCE_AE_TITLE, ""),
        )
    except (struct.error, KeyError) as error:
        raise NotPart10("cut") from error


def _elements(content: bytes) -> dict[int, str]:
    values: dict[int, str] = {}
    position = 0
    while position < len(content):
        _, element, vr, length = struct.unpack_from("<HH2sH", content, position)
        position += 8
        if vr == b"OB":
            (length,) = struct.unpack_from("<I", content, position)
            position += 4
        values[element] = content[position : position + length].decode("ascii", "replace").strip(" \0")
        position += length
    return values


def _element(element: int, vr: bytes, text: str) -> bytes:
    value = text.encode("ascii", "replace")
    if len(value) % 2:
        value += b"\0" if vr == b"UI" else b" "
    return struct.pack("<HH2sH", 0x0002, element, vr, len(value)) + value
