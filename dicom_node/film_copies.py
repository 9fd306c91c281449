"""Copies films out of a store and back into one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from dicom_node.part10 import NotPart10, read_head

if TYPE_CHECKING:
    from dicom_node.store import Store

_PIECE_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Copied:
    """What was copied."""

    sha256: str
    """Of the whole file."""
    digest: str | None
    """SHA-256 of its data set, as the database has it; None where the file is no film of the node's."""


def copy_out(store: Store, place: str, target: IO[bytes]) -> Copied:
    """Copy a film to an open file.

    Raises:
        FileNotFoundError: there is none.
        OSError: it can't be read, or the target can't be written.
        Transient: the store can't be reached now.
    """
    whole, data_set = hashlib.sha256(), hashlib.sha256()
    with store.open(place) as film:
        head_bytes = _head_bytes(film)
        film.seek(0)
        head = film.read(head_bytes or 0)
        whole.update(head)
        target.write(head)
        while piece := film.read(_PIECE_BYTES):
            whole.update(piece)
            data_set.update(piece)
            target.write(piece)
    return Copied(sha256=whole.hexdigest(), digest=None if head_bytes is None else data_set.hexdigest())


def put_back(store: Store, place: str, source: IO[bytes]) -> None:
    """Copy an open file to its place in a store; when this returns, it survives a power cut.

    Raises:
        OSError: the source can't be read, or the disk is full or broken.
        Transient: the store can't be reached now.
    """
    with store.draft() as draft:
        while piece := source.read(_PIECE_BYTES):
            draft.write(piece)
        draft.settle(place)


def _head_bytes(film: IO[bytes]) -> int | None:
    try:
        read_head(film)
    except NotPart10:
        return None
    return film.tell()
