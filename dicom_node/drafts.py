"""Films that are still arriving: files that grow on the local disk, of which nobody is told."""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import uuid4

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

INCOMING: Final = "incoming"
_SYNC_FILE_RANGE = getattr(ctypes.CDLL(None), "sync_file_range", None)
"""Of Linux; a hint, whose failure means nothing."""
_SYNC_FILE_RANGE_WRITE = 2
_FIRST_WRITEBACK_BYTES = 256 * 1024
_LARGEST_WRITEBACK_BYTES = 4 * 1024 * 1024
"""The disk is asked early for a small film, and seldom for a large one: for as much as it was asked for before."""
_PRIVATE_FILE = 0o600
_DRAFT_LIFE_SECONDS = 3600
"""No film takes longer to be written; another node may be writing into the same folder."""


class Draft:
    """A file that grows while its instance arrives; nobody is told of it before it is settled."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._path = f"{root}/{INCOMING}/{uuid4().hex}"
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
            Transient: the store is elsewhere and can't take it now; the same.
        """
        os.fsync(self._descriptor)
        target = f"{self._root}/{place}"
        os.rename(self._path, target)  # noqa: PTH104 - as fast as can be: this runs for every film
        self._path = target
        sync_folder(os.path.dirname(target))  # noqa: PTH120 - the same
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def has_room(root: Path, reserve_bytes: int) -> bool:
    """Whether the disk of a folder has more than the reserve left.

    Raises:
        OSError: the disk is broken.
    """
    return free_bytes(root) > reserve_bytes


def free_bytes(folder: Path) -> int:
    """Return what is left for us of a folder's disk.

    Raises:
        OSError: there is no such folder, or the disk is broken.
    """
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def sweep(root: Path) -> int:
    """Remove the drafts of a node that was killed while it wrote, and say how many; nobody was told of them.

    Their age is measured by the clock of the file system that they lie on: another host, whose clock is wrong, may be
    writing into the same folder.

    Raises:
        OSError: the disk is broken.
    """
    folder = root / INCOMING
    os.utime(folder)  # needs no room: a node must start on a disk that is full
    oldest = folder.stat().st_mtime - _DRAFT_LIFE_SECONDS
    swept = 0
    for draft in folder.iterdir():
        with suppress(FileNotFoundError):  # another node has just put it in its place
            if draft.stat().st_mtime < oldest:
                draft.unlink()
                swept += 1
    return swept


def _begin_writeback(descriptor: int, start: int, size: int) -> None:
    """Let the kernel write to the disk while the rest arrives, so that the sync at the end has little left to do."""
    if _SYNC_FILE_RANGE is not None:
        _SYNC_FILE_RANGE(descriptor, ctypes.c_int64(start), ctypes.c_int64(size), _SYNC_FILE_RANGE_WRITE)


def sync_folder(folder: Path | str) -> None:
    """Make durable which names a folder has.

    Raises:
        OSError: the disk is full or broken.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
