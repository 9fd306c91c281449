"""Numbers that DICOM answers with, each with when it is given."""

from __future__ import annotations

from enum import IntEnum
from typing import Self


class Status(IntEnum):
    """A status (0000,0900) or a failure reason (0008,1197); the conformance statement says of each when it is given."""

    meaning: str
    """When it is given, for people."""

    def __new__(cls, code: int, meaning: str) -> Self:
        """Return a member: its number, and when it is given."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member
