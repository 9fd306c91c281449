"""The index of DICOM media: which files a DICOMDIR names (PS3.3 Annex F, PS3.10 Section 8)."""

from __future__ import annotations

from io import BytesIO
from typing import IO, TYPE_CHECKING, Final

import pydicom

from dicom_node.silence import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

_LONGEST_BYTES: Final = 64 * 1024 * 1024
"""A longer index, of some hundred thousand files, is not read."""
_NOT_IN_COMPONENTS: Final = frozenset({"", ".", ".."})


class NotADirectory(ValueError):
    """The file is no index that can be read."""


def is_directory_name(name: str) -> bool:
    """Whether a file is called as an index has to be (PS3.10 Section 8.6)."""
    return name.upper() == "DICOMDIR"


def referenced_files(stream: IO[bytes]) -> list[tuple[str, ...]]:
    """Return the File IDs that an index names: each the components of a path below the index's folder.

    Raises:
        NotADirectory: it is no index, or can't be parsed, or is too long.
        OSError: it can't be read.
    """
    content = stream.read(_LONGEST_BYTES + 1)
    if len(content) > _LONGEST_BYTES:
        raise NotADirectory("too long")
    try:
        with quiet():
            return list(_file_ids(pydicom.dcmread(BytesIO(content))))
    except Exception as error:  # a data set can be wrong in any way
        raise NotADirectory("not understood") from error


def _file_ids(index: Dataset) -> Iterator[tuple[str, ...]]:
    for record in index.DirectoryRecordSequence:
        file_id = record.get("ReferencedFileID")
        if not file_id:
            continue
        parts = (file_id,) if isinstance(file_id, str) else tuple(str(part) for part in file_id)
        if any(part in _NOT_IN_COMPONENTS or "/" in part or "\0" in part for part in parts):
            raise ValueError("a File ID leads out of the medium")
        yield parts
