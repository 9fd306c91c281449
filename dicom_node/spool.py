"""The spool: the store that is a folder, on this machine's disk or on one that several machines share."""

from __future__ import annotations

import os
import stat
from typing import IO, TYPE_CHECKING, Final

from dicom_node import drafts
from dicom_node.drafts import INCOMING, Draft, sync_folder
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

ASIDE: Final = "set-aside"
SHELVES: Final = tuple(f"{number:02x}" for number in range(256))
"""Folders of films, all made and synced at the start, so that no film waits for its folder or loses it in a crash."""
_PRIVATE = 0o700


class Spool:
    """A folder of films: implements `dicom_node.store.Store`."""

    def __init__(self, root: Path, *, for_reading: bool = False, must_exist: bool = False) -> None:
        """Make the folder if there is none, unless it must exist; for reading nothing is made.

        Raises:
            Misconfigured: it can't be made, or is missing.
        """
        self._root = root
        if not for_reading:
            if must_exist and not root.is_dir():
                raise Misconfigured(f"store.url: there is no folder {root}; make it once, in the share; is it mounted?")
            make(root, (INCOMING, *SHELVES))

    def write(self, place: str, content: bytes) -> None:
        """Put a file in its place; when this returns, it survives a power cut.

        Raises:
            OSError: the disk is full or broken; nothing half-written is left in place.
        """
        with self.draft() as draft:
            draft.write(content)
            draft.settle(place)

    def draft(self) -> Draft:
        """Begin a film whose place is not known yet.

        Raises:
            OSError: the disk is full or broken.
        """
        return Draft(self._root)

    def has_room(self, reserve_bytes: int) -> bool:
        """Whether the disk has more than the reserve left.

        Raises:
            OSError: the disk is broken.
        """
        return drafts.has_room(self._root, reserve_bytes)

    def sweep(self) -> int:
        """Remove the drafts of a node that was killed while it wrote, and say how many; nobody was told of them.

        Raises:
            OSError: the disk is broken.
        """
        return drafts.sweep(self._root)

    def on_shelf(self, shelf: str) -> set[str]:
        """Return the places that are taken on a shelf.

        Raises:
            OSError: the disk is broken.
        """
        return {f"{shelf}/{name}" for name in os.listdir(self._root / shelf)}  # noqa: PTH208 - names only

    def holds(self, place: str) -> bool:
        """Whether there is a file in a place; what has a place was synced before.

        Raises:
            OSError: the disk is broken, or the whole folder is missing.
        """
        try:
            return stat.S_ISREG((self._root / place).stat().st_mode)
        except FileNotFoundError:
            if self._root.is_dir():
                return False
            raise

    def open(self, place: str, *, header_only: bool = False) -> IO[bytes]:
        """Open a film to be read.

        Raises:
            OSError: there is none, or the disk is broken.
        """
        del header_only  # a file is read as far as one goes
        return (self._root / place).open("rb")

    def set_aside(self, place: str) -> None:
        """Take a file out of the films that is none of them; it is kept for whoever wants to look."""
        (self._root / ASIDE).mkdir(exist_ok=True, mode=_PRIVATE)
        (self._root / place).rename(self._root / ASIDE / place.replace("/", "-"))

    def remove(self, place: str) -> None:
        """Take a file out that no row speaks of, for good: a power cut does not bring it back."""
        file = self._root / place
        try:
            file.unlink()
        except FileNotFoundError:
            if not self._root.is_dir():  # what is not mounted now comes back with its files
                raise
            return
        sync_folder(file.parent)

    def warm(self) -> None:
        """There is nothing to load."""

    def close(self) -> None:
        """There is nothing to let go of."""


def make(root: Path, folders: tuple[str, ...]) -> None:
    """Make a folder with others in it that are for its owner only, durably.

    Raises:
        Misconfigured: it can't be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        for folder in folders:
            (root / folder).mkdir(exist_ok=True, mode=_PRIVATE)
        sync_folder(root)
    except OSError as error:
        raise Misconfigured(
            f"the spool {root} can't be made: {error.strerror}; check home, store.url and their rights"
        ) from error
