"""A backup on disk: a folder that gets its name when it is whole."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from domain.backup import Manifest
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

MANIFEST: Final = "manifest.json"
SUMS: Final = "SHA256SUMS"
DUMP: Final = "database.dump"
FILMS: Final = "films"
MODELS: Final = "models"
SETTINGS: Final = "settings/hilum.toml"
_PREFIX = "hilum-"
_PARTIAL = ".partial-"
_LOCK = ".lock"
_PRIVATE = 0o700
_PRIVATE_FILE = 0o600
_PIECE_BYTES = 1024 * 1024


class Backup:
    """A finished backup."""

    def __init__(self, folder: Path) -> None:
        """Open a backup.

        Raises:
            Misconfigured: the folder is none, or not a finished one, or its list of files was changed.
        """
        self.folder = folder
        try:
            self.manifest = Manifest.from_json((folder / MANIFEST).read_text(encoding="utf-8"))
            listed = (folder / SUMS).read_bytes()
        except OSError as error:
            raise Misconfigured(
                f"{folder} is no finished backup: {error.strerror}: {MANIFEST} and {SUMS} must be there; a folder that "
                "holds several backups has them in folders of their own"
            ) from error
        if hashlib.sha256(listed).hexdigest() != self.manifest.sums_sha256:
            raise Misconfigured(f"{folder / SUMS} is not what {MANIFEST} says: the backup was changed or damaged")
        lines = (line.partition("  ") for line in listed.decode().splitlines())
        self.sums = {name: digest for digest, _, name in lines}

    def films(self) -> list[str]:
        """Return the places of its films."""
        return [name.removeprefix(f"{FILMS}/") for name in self.sums if name.startswith(f"{FILMS}/")]

    def models(self) -> list[str]:
        """Return its files of installed networks, as they lie in the folder of networks."""
        return [name.removeprefix(f"{MODELS}/") for name in self.sums if name.startswith(f"{MODELS}/")]

    def damage(self, advance: Callable[[int], None]) -> list[str]:
        """Read every file; return a sentence on each that is missing, unreadable or not what it was."""
        return [said for name, digest in self.sums.items() for said in self._damage_of(name, digest, advance)]

    def _damage_of(self, name: str, digest: str, advance: Callable[[int], None]) -> Iterator[str]:
        advance(1)
        try:
            with (self.folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            yield f"{name}: {error.strerror}"
            return
        if found != digest:
            yield f"{name}: its content is not what it was"


class Draft:
    """A backup that is being made; whatever ends it early leaves nothing that could be taken for a backup."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sums: dict[str, str] = {}

    def file(self, name: str) -> Path:
        """Return where a file belongs; its folder is made."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        return path

    def link(self, name: str, earlier: Backup, *, at_least: int) -> bool:
        """Share a file that never changes with an earlier backup; say whether that has it, at least so large."""
        digest = earlier.sums.get(name)
        if digest is None:
            return False
        try:
            if (earlier.folder / name).stat().st_size < at_least:
                return False
            os.link(earlier.folder / name, self.file(name))
        except OSError:  # it is gone, or the file system has no such links
            return False
        self._sums[name] = digest
        return True

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """Yield a new file for its owner only, and sync it at the end; it counts once it is `listed`."""
        descriptor = os.open(self.file(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    def listed(self, name: str, sha256: str) -> None:
        """Note what a file holds."""
        self._sums[name] = sha256

    def drop(self, name: str) -> None:
        """Take a file away that could not be written whole."""
        (self._folder / name).unlink(missing_ok=True)

    def take(self, source: Path, name: str) -> None:
        """Copy a file and note what it holds.

        Raises:
            OSError: it can't be read, or the copy can't be written.
        """
        digest = hashlib.sha256()
        with source.open("rb") as file, self.writing(name) as target:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
                target.write(piece)
        self.listed(name, digest.hexdigest())

    def take_written(self, name: str) -> None:
        """Sync and note a file that another program wrote."""
        path = self._folder / name
        path.chmod(_PRIVATE_FILE)
        with path.open("rb") as file:
            os.fsync(file.fileno())
            self.listed(name, hashlib.file_digest(file, "sha256").hexdigest())

    def finish(self, manifest_of: Callable[[str], Manifest], name: str) -> Path:
        """Write the list of files, then the manifest, then give the folder its name.

        Raises:
            OSError: the disk is full or broken, or there is such a backup.
        """
        listed = "".join(f"{digest}  {path}\n" for path, digest in sorted(self._sums.items())).encode()
        self._write(SUMS, listed)
        for folder, _, _ in os.walk(self._folder):
            _sync(folder)
        self._write(MANIFEST, manifest_of(hashlib.sha256(listed).hexdigest()).as_json().encode())
        _sync(self._folder)
        place = self._folder.with_name(name)
        self._folder.rename(place)
        _sync(place.parent)
        return place

    def _write(self, name: str, content: bytes) -> None:
        with self.writing(name) as file:
            file.write(content)


@contextmanager
def draft(destination: Path) -> Iterator[Draft]:
    """Yield a backup to be made in a folder of backups; what earlier, broken-off ones left there is removed.

    Raises:
        Misconfigured: another backup is being made there, or the folder can't be written.
    """
    try:
        destination.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
        lock = (destination / _LOCK).open("w")
    except OSError as error:
        raise Misconfigured(f"{destination} can't be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Misconfigured(f"another backup is being made in {destination}; wait for it") from error
        for old in destination.glob(f"{_PARTIAL}*"):
            shutil.rmtree(old)
        folder = destination / f"{_PARTIAL}{os.getpid()}"
        folder.mkdir(mode=_PRIVATE)
        try:
            yield Draft(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # it has another name by now, if it was finished


def name_of(moment: datetime) -> str:
    """Return what the backup of a moment is called: in UTC, so that names are in the order of time."""
    return f"{_PREFIX}{moment:%Y%m%dT%H%M%S.%f}Z"


def newest(destination: Path) -> Backup | None:
    """Return the newest finished backup of a folder that can be read."""
    for folder in reversed(_finished(destination)):
        try:
            return Backup(folder)
        except Misconfigured:
            continue
    return None


def prune(destination: Path, keep: int) -> int:
    """Remove all but the newest finished backups; return how many were removed."""
    old = _finished(destination)[:-keep]
    for folder in old:
        (folder / MANIFEST).unlink()  # first: what is half removed is no backup
        shutil.rmtree(folder)
    return len(old)


def _finished(destination: Path) -> list[Path]:
    """Return the folders of finished backups, the oldest first."""
    return sorted(path.parent for path in destination.glob(f"{_PREFIX}*/{MANIFEST}"))


def _sync(folder: Path | str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
