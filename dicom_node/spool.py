"""The spool: received films as files, each durable before anybody hears of success."""

from __future__ import annotations

import ctypes
import hashlib
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from domain.errors import Misconfigured

if TYPE_CHECKING:
    from domain.ids import SopInstanceUid, StudyUid

_INCOMING = "incoming"
_ASIDE = "set-aside"
_SHELVES = tuple(f"{number:02x}" for number in range(256))
"""Folders of films, all made and synced at the start, so that no film waits for its folder or loses it in a crash."""
_NAME_CHARACTERS = 32
_SYNC_FILE_RANGE = getattr(ctypes.CDLL(None), "sync_file_range", None)
"""Of Linux; a hint, whose failure means nothing."""
_SYNC_FILE_RANGE_WRITE = 2
_FIRST_WRITEBACK_BYTES = 256 * 1024
_LARGEST_WRITEBACK_BYTES = 4 * 1024 * 1024
"""The disk is asked early for a small film, and seldom for a large one: for as much as it was asked for before."""
_PRIVATE = 0o700
_PRIVATE_FILE = 0o600
_DRAFT_LIFE_SECONDS = 3600
"""No film takes longer to be written; another node may be writing into the same spool."""


class Spool:
    """A folder of films, found by hashed UIDs, so that no path tells of a patient."""

    def __init__(self, root: Path) -> None:
        """Make the folder if there is none.

        Raises:
            Misconfigured: it can't be made.
        """
        self._root = root
        try:
            root.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
            for folder in (_INCOMING, *_SHELVES):
                (root / folder).mkdir(exist_ok=True, mode=_PRIVATE)
            _sync_folder(root)
        except OSError as error:
            raise Misconfigured(
                f"the spool {root} can't be made: {error.strerror}; check home and its rights"
            ) from error

    def place(self, study_uid: StudyUid, sop_instance_uid: SopInstanceUid, digest: str) -> str:
        """Return where an instance belongs, relative to the root; other content under the same UID goes elsewhere."""
        name = hashlib.sha256(f"{study_uid} {sop_instance_uid}".encode()).hexdigest()[:_NAME_CHARACTERS]
        return f"{name[:2]}/{name}-{digest[:16]}.dcm"

    def write(self, place: str, content: bytes) -> None:
        """Put a file in its place; when this returns, it survives a power cut.

        Raises:
            OSError: the disk is full or broken; nothing half-written is left in place.
        """
        draft = self.draft()
        try:
            draft.write(content)
            draft.settle(place)
        except OSError:
            draft.discard()
            raise

    def draft(self) -> Draft:
        """Begin a file whose place is not known yet.

        Raises:
            OSError: the disk is full or broken.
        """
        return Draft(self._root)

    def has_room(self, reserve_bytes: int) -> bool:
        """Whether the disk has more than the reserve left.

        Raises:
            OSError: the disk is broken.
        """
        return free_bytes(self._root) > reserve_bytes

    def sweep(self) -> int:
        """Remove the drafts of a node that was killed while it wrote, and say how many; nobody was told of them."""
        oldest = time.time() - _DRAFT_LIFE_SECONDS
        swept = 0
        for draft in (self._root / _INCOMING).iterdir():
            with suppress(FileNotFoundError):  # another node has just put it in its place
                if draft.stat().st_mtime < oldest:
                    draft.unlink()
                    swept += 1
        return swept

    def shelves(self) -> tuple[str, ...]:
        """Return the names of the folders that films lie in."""
        return _SHELVES

    def on_shelf(self, shelf: str) -> set[str]:
        """Return the places that are taken on a shelf.

        Raises:
            OSError: the disk is broken.
        """
        return {f"{shelf}/{name}" for name in os.listdir(self._root / shelf)}  # noqa: PTH208 - names only

    def path(self, place: str) -> Path:
        """Return where a place is."""
        return self._root / place

    def holds(self, place: str) -> bool:
        """Whether there is a file in a place."""
        return (self._root / place).is_file()

    def set_aside(self, place: str) -> None:
        """Take a file out of the films that is none of them; it is kept for whoever wants to look."""
        (self._root / _ASIDE).mkdir(exist_ok=True, mode=_PRIVATE)
        (self._root / place).rename(self._root / _ASIDE / place.replace("/", "-"))

    def remove(self, place: str) -> None:
        """Take a file out that no row speaks of."""
        (self._root / place).unlink(missing_ok=True)


class Draft:
    """A file that grows while its instance arrives; nobody is told of it before it is settled."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = f"{root}/{_INCOMING}/{uuid4().hex}"
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE)
        self._size = 0
        self._begun = 0
        """Up to where the kernel was asked to write to the disk."""

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """Append all of the bytes.

        Raises:
            OSError: the disk is full or broken.
        """
        view = memoryview(content)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._size += len(content)
        if self._size - self._begun >= min(max(self._begun, _FIRST_WRITEBACK_BYTES), _LARGEST_WRITEBACK_BYTES):
            _begin_writeback(self._descriptor, self._begun, self._size - self._begun)
            self._begun = self._size

    def read(self, size: int, start: int) -> bytes:
        """Return bytes that were written, fewer at the end.

        Raises:
            OSError: the disk is broken.
        """
        return os.pread(self._descriptor, size, start)

    def settle(self, place: str) -> None:
        """Put the file in its place; when this returns, it survives a power cut.

        Raises:
            OSError: the disk is full or broken; the draft is still to be discarded.
        """
        os.fsync(self._descriptor)
        target = f"{self._root}/{place}"
        os.rename(self._path, target)  # noqa: PTH104 - as fast as can be: this runs for every film
        self._path = target
        _sync_folder(os.path.dirname(target))  # noqa: PTH120 - the same
        self._close()

    def discard(self) -> None:
        """Take the file away, if it was not settled; may be called again."""
        if self._descriptor >= 0:
            with suppress(FileNotFoundError):
                os.unlink(self._path)  # noqa: PTH108 - it is no Path
            self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        os.close(descriptor)


def free_bytes(folder: Path) -> int:
    """Return what is left for us of a folder's disk.

    Raises:
        OSError: there is no such folder, or the disk is broken.
    """
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _begin_writeback(descriptor: int, start: int, size: int) -> None:
    """Let the kernel write to the disk while the rest arrives, so that the sync at the end has little left to do."""
    if _SYNC_FILE_RANGE is not None:
        _SYNC_FILE_RANGE(descriptor, ctypes.c_int64(start), ctypes.c_int64(size), _SYNC_FILE_RANGE_WRITE)


def _sync_folder(folder: Path | str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
