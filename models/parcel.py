"""Packages on their way: out of a folder or a zip file, and into one; nothing of a parcel is believed unseen."""

from __future__ import annotations

import shutil
import stat
import zipfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, BinaryIO

from domain.errors import Misconfigured
from models.package import CLASSIFIER, LUNGS, MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.package import Package

_MOST_FILES = 100
_MOST_BYTES = 4 << 30
"""A package is some ten to some hundred megabytes; more than this is no package."""
_CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip file knows; with it the same package gives the same bytes."""


def unpack(source: Path, folder: Path) -> None:
    """Copy the files of a package, a folder or a zip file, into an empty folder, without checking what they are.

    Raises:
        Misconfigured: the source can't be read, is too large, or names places outside of its own folder.
    """
    try:
        if source.is_dir():
            _copy_folder(source, folder)
        elif zipfile.is_zipfile(source):
            _copy_zip(source, folder)
        elif source.exists():
            raise Misconfigured(f"{source} is neither a folder nor a zip file")
        else:
            raise Misconfigured(f"there is no package {source}: it must be a folder or a zip file")
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise Misconfigured(f"the package {source} can't be copied: {error}") from error


def pack(package: Package, path: Path) -> None:
    """Write a package as a zip file that `unpack` takes; the same package gives the same bytes.

    Raises:
        Misconfigured: the file is there already, or can't be written.
    """
    with new(path) as draft, zipfile.ZipFile(draft, "w") as archive:
        for name in sorted([MANIFEST, *package.parts]):
            entry = zipfile.ZipInfo(f"{package.title}/{name}", _EPOCH)
            entry.external_attr = 0o644 << 16
            content = package.read(name) if name in package.parts else (package.folder / name).read_bytes()
            archive.writestr(entry, content)


def copy_graphs(package: Package, folder: Path) -> None:
    """Write the two ONNX files of a package into a new folder.

    Raises:
        Misconfigured: the folder is there already, or can't be written.
    """
    with new(folder) as draft:
        draft.mkdir()
        for name in (CLASSIFIER, LUNGS):
            (draft / name).write_bytes(package.read(name))


@contextmanager
def new(path: Path) -> Iterator[Path]:
    """Yield a place for a file or folder that appears at `path` once it is complete, or not at all.

    Raises:
        Misconfigured: something is there already, or nothing can be written there.
    """
    if path.exists():
        raise Misconfigured(f"{path} is there already; give another place, or remove it")
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(draft)
        yield draft
        draft.rename(path)
    except OSError as error:
        raise Misconfigured(f"{path} can't be written: {error.strerror}") from error
    finally:
        _remove(draft)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _copy_folder(source: Path, folder: Path) -> None:
    paths = sorted(source.iterdir())
    odd = [path for path in paths if path.is_symlink() or not path.is_file()]
    if odd:
        raise Misconfigured(f"{odd[0]} is no plain file; a package holds nothing else")
    _check_amount(source, len(paths), sum(path.stat().st_size for path in paths))
    for path in paths:
        shutil.copyfile(path, folder / path.name)


def _copy_zip(source: Path, folder: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        _check_amount(source, len(entries), sum(entry.file_size for entry in entries))
        names = _names(source, entries)
        for entry, name in zip(entries, names, strict=True):
            with archive.open(entry) as content, (folder / name).open("xb") as file:
                _copy(content, file, entry.file_size)


def _names(source: Path, entries: list[zipfile.ZipInfo]) -> list[str]:
    """Return the name of each file inside its folder: they lie at the top, or all in one folder at the top."""
    tops, names = set(), []
    for entry in entries:
        *above, name = PurePosixPath(entry.filename).parts
        odd = len(above) > 1 or "\\" in entry.filename or ".." in (*above, name) or "/" in above
        if odd or stat.S_ISLNK(entry.external_attr >> 16):
            raise Misconfigured(f"{source} holds {entry.filename!r}, which leaves the package's folder; it is refused")
        tops.add(tuple(above))
        names.append(name)
    if len(tops) > 1 or len(set(names)) != len(names):
        raise Misconfigured(f"{source} does not hold one package: its files lie in several folders or come twice")
    return names


def _check_amount(source: Path, files: int, size: int) -> None:
    if files > _MOST_FILES or size > _MOST_BYTES:
        raise Misconfigured(f"{source} holds {files} files of {size} bytes together, too much for a package")


def _copy(content: IO[bytes], file: BinaryIO, size: int) -> None:
    """Copy what the entry announced and no more: a zip file may lie about how much it unpacks to."""
    left = size
    while chunk := content.read(min(_CHUNK, left + 1)):
        left -= len(chunk)
        if left < 0:
            raise zipfile.BadZipFile("a file is larger than it says")
        file.write(chunk)
