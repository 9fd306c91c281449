"""Texts of undecoded values, by the character sets that their data set names (PS3.3 C.12.1.1.2)."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.valuerep import PersonName

from dicom_node.silence import quiet

if TYPE_CHECKING:
    from collections.abc import Mapping

SPECIFIC_CHARACTER_SET: Final = 0x00080005
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_LATIN_1 = ["iso8859"]


class Decoder:
    """Decodes the values of one data set; bytes that its character sets do not have are replaced, never refused."""

    def __init__(self, values: Mapping[int, bytes]) -> None:
        """Decode by what the values say.

        Args:
            values: undecoded, by tag, Specific Character Set (0008,0005) among them where the data set has it.
        """
        self._named = values.get(SPECIFIC_CHARACTER_SET, b"").decode("ascii", "replace").strip(" \0").split("\\")

    @cached_property
    def _encodings(self) -> list[str]:
        with quiet():
            try:
                return convert_encodings(self._named)
            except LookupError:
                return _LATIN_1

    def text(self, value: bytes) -> str:
        """Return the text of a value, without padding and control characters."""
        if _is_plain(value):
            decoded = value.decode("ascii")
        else:
            with quiet():
                decoded = decode_bytes(value, self._encodings, set())
        return _CONTROL.sub(" ", decoded).strip()

    def person_name(self, value: bytes) -> str:
        """Return a person's name with its groups and components (PS3.5 6.2.1)."""
        if _is_plain(value):
            decoded = value.decode("ascii")
        else:
            with quiet():
                decoded = str(PersonName(value, self._encodings).decode())
        return _CONTROL.sub(" ", decoded).strip().rstrip("^=")


def _is_plain(value: bytes) -> bool:
    """Whether bytes are the same text in every character set: most are, and a node has thousands to read."""
    return value.isascii() and b"\x1b" not in value
