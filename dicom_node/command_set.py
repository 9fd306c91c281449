"""Command sets of C-STORE (PS3.7 Section 6.3.1 and 9.3.1), read and written without a general data set."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

C_STORE_RQ: Final = 0x0001
_C_STORE_RSP = 0x8001
NO_DATA_SET: Final = 0x0101
"""Command Data Set Type (0000,0800) where no data set follows (PS3.7 Section E.1)."""

_GROUP_LENGTH = 0x0000
_AFFECTED_SOP_CLASS_UID = 0x0002
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_MESSAGE_ID_RESPONDED_TO = 0x0120
_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_AFFECTED_SOP_INSTANCE_UID = 0x1000


class NotACommandSet(ValueError):
    """The bytes are no command set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What the node reads of a command set; absent values are 0 or empty."""

    field: int
    message_id: int
    data_set_type: int
    sop_class_uid: str
    sop_instance_uid: str


def decode(content: bytes | bytearray) -> Command:
    """Read a command set: group 0000 in Implicit VR Little Endian.

    Raises:
        NotACommandSet: it can't be parsed, or has no Command Field.
    """
    values: dict[int, bytes] = {}
    position = 0
    try:
        while position < len(content):
            group, element, length = struct.unpack_from("<HHI", content, position)
            position += 8
            if group or position + length > len(content):
                raise NotACommandSet("an element of another group, or longer than the command set")
            values[element] = bytes(content[position : position + length])
            position += length
        return Command(
            field=_number(values[_COMMAND_FIELD]),
            message_id=_number(values.get(_MESSAGE_ID, b"\0\0")),
            data_set_type=_number(values[_DATA_SET_TYPE]),
            sop_class_uid=_uid(values.get(_AFFECTED_SOP_CLASS_UID, b"")),
            sop_instance_uid=_uid(values.get(_AFFECTED_SOP_INSTANCE_UID, b"")),
        )
    except (struct.error, KeyError) as error:
        raise NotACommandSet("an element is missing or cut") from error


def store_response(request: Command, status: int) -> bytes:
    """Return the command set of the C-STORE response to a request."""
    elements = b"".join(
        (
            _element(_AFFECTED_SOP_CLASS_UID, _even(request.sop_class_uid)),
            _element(_COMMAND_FIELD, struct.pack("<H", _C_STORE_RSP)),
            _element(_MESSAGE_ID_RESPONDED_TO, struct.pack("<H", request.message_id)),
            _element(_DATA_SET_TYPE, struct.pack("<H", NO_DATA_SET)),
            _element(_STATUS, struct.pack("<H", status)),
            _element(_AFFECTED_SOP_INSTANCE_UID, _even(request.sop_instance_uid)),
        )
    )
    return _element(_GROUP_LENGTH, struct.pack("<I", len(elements))) + elements


def _number(value: bytes) -> int:
    (number,) = struct.unpack("<H", value)
    return int(number)


def _uid(value: bytes) -> str:
    return value.decode("ascii", "replace").strip(" \0")


def _even(uid: str) -> bytes:
    value = uid.encode("ascii", "replace")
    return value + b"\0" * (len(value) % 2)


def _element(element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, element, len(value)) + value
