"""Typed identifiers, so that a study's UID is never passed where an instance's is meant."""

from __future__ import annotations

from typing import NewType, Self

StudyUid = NewType("StudyUid", str)
"""Study Instance UID (0020,000D)."""
SeriesUid = NewType("SeriesUid", str)
"""Series Instance UID (0020,000E)."""
SopInstanceUid = NewType("SopInstanceUid", str)
"""SOP Instance UID (0008,0018)."""
StudyId = NewType("StudyId", int)
"""Row of a study in the database: the handle that logs use instead of its UID."""
JobId = NewType("JobId", int)
DeliveryId = NewType("DeliveryId", int)
FindingsId = NewType("FindingsId", int)
CommitmentId = NewType("CommitmentId", int)
ConfirmationId = NewType("ConfirmationId", int)
AccountId = NewType("AccountId", int)
UploadId = NewType("UploadId", int)
TokenId = NewType("TokenId", int)

_AE_TITLE_MAX_CHARACTERS = 16


class AeTitle(str):
    """Application Entity title: 1 to 16 printable ASCII characters, spaces around it ignored (PS3.5 6.2, VR AE)."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Return the title without its padding.

        Raises:
            ValueError: empty, too long, or a character that VR AE forbids.
        """
        title = text.strip(" ")
        if not 1 <= len(title) <= _AE_TITLE_MAX_CHARACTERS:
            raise ValueError("an AE title has 1 to 16 characters that are not all spaces")
        if any(not (character.isascii() and character.isprintable()) or character == "\\" for character in title):
            raise ValueError("an AE title has printable ASCII characters without the backslash")
        return super().__new__(cls, title)
