"""The spool: received films as files, each durable before anybody hears of success."""

from __future__ import annotations

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
_SHELVES = tuple(f"{number:02x}" for number in range(256))
"""Folders of films, all made and synced at the start, so that no film waits for its folder or loses it in a crash."""
_NAME_CHARACTERS = 32
_PRIVATE = 0o700
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
        target = self._root / place
        draft = self._root / _INCOMING / uuid4().hex
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
            _sync_folder(target.parent)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

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

    def remove(self, place: str) -> None:
        """Take a file out that no row speaks of."""
        (self._root / place).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
