"""What lies in folders, zip archives and on DICOM media, one file after the other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final
from zipfile import BadZipFile, ZipFile

from dicom_node.directory import NotADirectory, is_directory_name, referenced_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from zipfile import ZipInfo

_ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
"""Of the first member, and of an archive without any."""
_ZIP_SUFFIX = ".zip"
_ENCRYPTED: Final = 0x1
"""Bit of a member's flags."""


class Outcome(StrEnum):
    """What became of a file, or of a member of an archive."""

    NEW = "new"
    DUPLICATE = "known before"
    KEPT_ASIDE = "other content, kept aside"
    REPLACED = "other content, counts now"
    DIRECTORY = "DICOMDIR"
    NOT_DICOM = "not DICOM"
    ANOTHER_SOP_CLASS = "another SOP class"
    CONFLICT = "other content, not taken"
    TRANSFER_SYNTAX = "transfer syntax not taken"
    NOT_UNDERSTOOD = "not understood"
    REFUSED = "refused"
    TOO_LARGE = "too large"
    UNREADABLE = "unreadable"
    MISSING = "missing"
    DAMAGED = "damaged"
    ENCRYPTED = "encrypted"
    NESTED = "archive within an archive"

    @property
    def is_failure(self) -> bool:
        """Whether a film may have been left behind."""
        return self not in _HARMLESS


_HARMLESS = frozenset(
    {
        Outcome.NEW,
        Outcome.DUPLICATE,
        Outcome.KEPT_ASIDE,
        Outcome.REPLACED,
        Outcome.DIRECTORY,
        Outcome.NOT_DICOM,
        Outcome.ANOTHER_SOP_CLASS,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A file, or a member of an archive, that may be a film."""

    name: str
    """For the eyes of the person who asked; never for the log."""
    size_bytes: int
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """Something that can't be opened, or is not where it should be."""

    name: str
    outcome: Outcome


def sources(paths: Iterable[Path]) -> Iterator[Source | Trouble]:
    """Yield all files below the paths, sorted, the members of zip archives, and what a DICOMDIR names.

    Only the names of the open folders and of one archive are held at a time. Links to folders are not followed.
    """
    for path in paths:
        if path.is_dir():
            yield from _below(path)
        elif is_directory_name(path.name):
            yield from _named_by(path)
        elif path.is_file() and _is_archive(path):
            yield from _members(path)
        else:
            yield _file(path)


def _below(folder: Path) -> Iterator[Source | Trouble]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are a tenth of the size of paths
    except OSError:
        yield Trouble(name=str(folder), outcome=Outcome.UNREADABLE)
        return
    for name in names:
        path = folder / name
        if path.is_dir():
            if not path.is_symlink():
                yield from _below(path)
        elif path.is_file() or path.is_symlink():  # a link that leads nowhere is told
            yield from _in_folder(path)


def _in_folder(path: Path) -> Iterator[Source | Trouble]:
    if path.suffix.lower() == _ZIP_SUFFIX:
        yield from _members(path)
        return
    yield _file(path)
    if is_directory_name(path.name):  # what it names and what is there is met on the walk
        yield from (trouble for trouble in _named_by(path) if isinstance(trouble, Trouble))


def _file(path: Path) -> Source | Trouble:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return Trouble(name=str(path), outcome=Outcome.MISSING)
    except OSError:
        return Trouble(name=str(path), outcome=Outcome.UNREADABLE)
    return Source(name=str(path), size_bytes=size, open=lambda: path.open("rb"))


def _is_archive(path: Path) -> bool:
    if path.suffix.lower() == _ZIP_SUFFIX:
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) in _ZIP_SIGNATURES
    except OSError:
        return False  # opened once more as a file, it is told


def _named_by(directory: Path) -> Iterator[Source | Trouble]:
    """Yield the files that a DICOMDIR names, and those that are not there."""
    try:
        with directory.open("rb") as file:
            references = referenced_files(file)
    except OSError:
        outcome = Outcome.UNREADABLE if directory.exists() else Outcome.MISSING
        yield Trouble(name=str(directory), outcome=outcome)
        return
    except NotADirectory:
        yield Trouble(name=str(directory), outcome=Outcome.NOT_UNDERSTOOD)
        return
    for parts in references:
        found = _found(directory.parent, parts)
        if found is None:
            yield Trouble(name=str(directory.parent.joinpath(*parts)), outcome=Outcome.MISSING)
        else:
            yield _file(found)


def _found(folder: Path, parts: tuple[str, ...]) -> Path | None:
    """Find a file by its File ID, whose capitals some systems make small when they copy a medium."""
    exact = folder.joinpath(*parts)
    if exact.is_file():
        return exact
    for part in parts:
        try:
            names = {name.lower(): name for name in os.listdir(folder)}  # noqa: PTH208 - names only
        except OSError:
            return None
        if part.lower() not in names:
            return None
        folder /= names[part.lower()]
    return folder if folder.is_file() else None


def _members(path: Path) -> Iterator[Source | Trouble]:
    try:
        archive = ZipFile(path)
    except (BadZipFile, NotImplementedError, ValueError):
        yield Trouble(name=str(path), outcome=Outcome.DAMAGED)
        return
    except OSError:
        yield Trouble(name=str(path), outcome=Outcome.UNREADABLE if path.exists() else Outcome.MISSING)
        return
    with archive:
        names = {name.lower() for name in archive.namelist()}
        for member in archive.infolist():
            if not member.is_dir():
                yield from _member(archive, member, f"{path}: ", names)


def _member(archive: ZipFile, member: ZipInfo, where: str, names: set[str]) -> Iterator[Source | Trouble]:
    name = where + member.filename
    if member.flag_bits & _ENCRYPTED:
        yield Trouble(name=name, outcome=Outcome.ENCRYPTED)
        return
    if member.filename.lower().endswith(_ZIP_SUFFIX):
        yield Trouble(name=name, outcome=Outcome.NESTED)
        return
    yield Source(name=name, size_bytes=member.file_size, open=lambda: archive.open(member))
    if is_directory_name(PurePosixPath(member.filename).name):
        yield from _missing_members(archive, member, where, names)


def _missing_members(archive: ZipFile, directory: ZipInfo, where: str, names: set[str]) -> Iterator[Trouble]:
    folder = PurePosixPath(directory.filename).parent
    try:
        with archive.open(directory) as stream:
            references = referenced_files(stream)
    except Exception:  # noqa: BLE001 - a damaged archive fails in many ways
        yield Trouble(name=where + directory.filename, outcome=Outcome.NOT_UNDERSTOOD)
        return
    for parts in references:
        wanted = str(folder.joinpath(*parts))
        if wanted.lower() not in names:
            yield Trouble(name=where + wanted, outcome=Outcome.MISSING)
